/// Finds the word that somebody who misspelt one may have meant.
package enum Spelling {
    /// A longer word is no misspelt one of ours.
    private static let maximumBytes = 64

    /// The nearest of some known words, when it is near enough: one slip for each four letters, and one for a short
    /// word.
    package static func nearest<Words: Sequence<String>>(_ word: String, among known: Words) -> String? {
        let word = Array(word.utf8)
        guard (2...maximumBytes).contains(word.count) else { return nil }
        var best: (word: String, slips: Int)?
        for candidate in known where candidate.utf8.count <= maximumBytes {
            let slips = slips(word, Array(candidate.utf8))
            guard slips <= max(1, min(word.count, candidate.utf8.count) / 4), slips < best?.slips ?? .max else {
                continue
            }
            best = (candidate, slips)
        }
        return best?.word
    }

    /// Letters that are wrong, missing or too many, and neighbours that changed places.
    static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var (before, last) = ([Int](), Array(0...right.count))
        for (i, letter) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var cost = min(last[j] + (letter == other ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[right.count]
    }
}
