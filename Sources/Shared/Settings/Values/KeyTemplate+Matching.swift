internal import JobModel

/// The values that placeholders of a template can have in keys of any job.
struct KeyValues: Sendable {
    /// Names of renditions and image variants.
    var qualities: [[UInt8]]
    var fileExtensions: [[UInt8]]
}

extension KeyTemplate {
    /// Whether the last name of its keys shows by itself that this service has made it: it has text, a quality, an
    /// ending or a number. A media id alone may be any name.
    private var hasTellingName: Bool {
        for part in parts.reversed() {
            switch part {
            case .text(let text):
                let bytes = Array(text.utf8)
                let name = bytes.suffix(from: bytes.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0)
                if !name.isEmpty { return true }
                if !bytes.isEmpty { return false }
            case .value(.quality), .value(.index), .value(.fileExtension): return true
            case .value: continue
            }
        }
        return false
    }

    /// The shortest beginning of a key, up to a slash in it, that is itself a key of this template for some job; nil
    /// when there is none.
    ///
    /// Every part moves all places that can be reached at once, so it takes parts × bytes steps whatever is in the key.
    func keyAbove(_ key: [UInt8], _ values: KeyValues) -> ArraySlice<UInt8>? {
        guard hasTellingName else { return nil }
        var reached = [Bool](repeating: false, count: key.count + 1)
        reached[0] = true
        for part in parts { reached = Self.advance(reached, by: part, in: key, values) }
        let end = key.indices.first { $0 > 0 && reached[$0] && key[$0] == UInt8(ascii: "/") }
        return end.map { key[..<$0] }
    }

    /// - Parameter reached: for each place in the key, whether the parts so far can end there.
    private static func advance(_ reached: [Bool], by part: Part, in key: [UInt8], _ values: KeyValues) -> [Bool] {
        switch part {
        case .text(let text): return advance(reached, byAnyOf: [Array(text.utf8)], in: key)
        case .value(.quality): return advance(reached, byAnyOf: values.qualities, in: key)
        case .value(.fileExtension): return advance(reached, byAnyOf: values.fileExtensions, in: key)
        case .value(.kind):
            return advance(reached, byAnyOf: MediaKind.allCases.map { Array($0.rawValue.utf8) }, in: key)
        case .value(.index):
            return advance(reached, byEach: { (48...57).contains($0) }, in: key)
        case .value(.mediaID), .value(.jobID): return advance(reached, byEach: { _ in true }, in: key)
        case .value(.userID):
            // It may be missing.
            let moved = advance(reached, byEach: { _ in true }, in: key)
            return zip(reached, moved).map { $0 || $1 }
        }
    }

    private static func advance(_ reached: [Bool], byAnyOf texts: [[UInt8]], in key: [UInt8]) -> [Bool] {
        var next = [Bool](repeating: false, count: reached.count)
        for start in reached.indices where reached[start] {
            for text in texts where key[start...].starts(with: text) { next[start + text.count] = true }
        }
        return next
    }

    /// By one byte or more, all of which may be there.
    private static func advance(_ reached: [Bool], byEach isFit: (UInt8) -> Bool, in key: [UInt8]) -> [Bool] {
        var next = [Bool](repeating: false, count: reached.count)
        for place in key.indices where (reached[place] || next[place]) && isFit(key[place]) { next[place + 1] = true }
        return next
    }
}
