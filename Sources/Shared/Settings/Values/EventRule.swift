package import JobModel
internal import Text

/// A rule that makes jobs of the objects that appear in buckets: which objects it fits, and the jobs that it makes.
///
///     uploads/*.mov video mediaId={1}-{slug}-{hash} userId={2} priority=5
package struct EventRule: Sendable, Hashable, CustomStringConvertible {
    /// The jobs of the objects that a rule fits.
    package enum Making: Sendable, Hashable {
        case jobs(MediaKind)
        /// The ending of the key tells the kind. The rule fits only keys whose ending does.
        case jobsByEnding
        case noJob

        static let words: [(word: String, value: Making)] = [
            ("video", .jobs(.video)), ("image", .jobs(.image)), ("auto", .jobsByEnding), ("ignore", .noJob),
        ]
    }

    package let description: String
    package let making: Making
    /// nil: a name of ours, which no other object has.
    package let mediaID: EventTemplate?
    package let userID: EventTemplate?
    package let priority: Int64?
    /// nil: any.
    private let bucket: [UInt8]?
    private let prefix: [UInt8]
    /// nil when ``prefix`` is the whole key.
    private let suffix: [UInt8]?

    /// Fits all objects whose ending tells a kind.
    package static var standard: [EventRule] { (try? list("* auto")) ?? [] }

    /// Whether the rule fits an object. The kind that an ending may tell is not looked at.
    ///
    /// Endings are compared without regard to the case of ASCII letters: cameras write `.MOV`.
    package func fits(bucket: [UInt8], key: [UInt8]) -> Bool {
        if let own = self.bucket, own != bucket { return false }
        guard let suffix else { return key == prefix }
        return key.count >= prefix.count + suffix.count && key.starts(with: prefix)
            && key.suffix(suffix.count).elementsEqual(suffix) { Self.lowercased($0) == Self.lowercased($1) }
    }

    /// Whether all keys that the rule fits begin with these bytes, in this bucket.
    package func isBeneath(_ start: [UInt8], in bucket: [UInt8]) -> Bool {
        (self.bucket ?? bucket) == bucket && prefix.starts(with: start)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }
}

// MARK: - Reading

extension EventRule {
    package static var listFormat: SettingFormat<[EventRule]> {
        SettingFormat(
            type: "PATTERN KIND [mediaId=…] [userId=…] [priority=…], `;` between",
            range: "KIND: \(Making.words.map(\.word).joined(separator: ", "))",
            text: { $0.map(\.description).joined(separator: "; ") },
            parse: { (text) throws(SettingsReader.ParseFailure) in try list(text) }
        )
    }

    /// More rules than these are a mistake, and each event is compared with all.
    private static let maximumRules = 200

    private static func list(_ text: String) throws(SettingsReader.ParseFailure) -> [EventRule] {
        var rules: [EventRule] = []
        for (index, rule) in text.utf8.split(separator: UInt8(ascii: ";")).enumerated() {
            let words = rule.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
            if words.isEmpty { continue }
            do throws(SettingsReader.ParseFailure) {
                rules.append(try EventRule(words))
            } catch {
                throw .init(message: "rule \(index + 1): \(error.message)")
            }
        }
        guard !rules.isEmpty else { throw .init(message: "it has no rule; leave it out for `* auto`") }
        guard rules.count <= maximumRules else { throw .init(message: "it has more than \(maximumRules) rules") }
        return rules
    }

    private init(_ words: [Substring.UTF8View]) throws(SettingsReader.ParseFailure) {
        let shown = words.map { String(decoding: $0, as: UTF8.self) }
        description = shown.joined(separator: " ")
        (bucket, prefix, suffix) = try Self.pattern(words[0])
        guard words.count > 1 else {
            throw .init(message: "`\(description.shown)` has no kind; write one of \(Self.kinds) behind the pattern")
        }
        guard let making = Making.words.first(where: { words[1].elementsEqual($0.word.utf8) })?.value else {
            throw .init(message: "`\(shown[1].shown)` is none of \(Self.kinds)")
        }
        self.making = making
        var templates: [String: EventTemplate] = [:]
        var priority: Int64?
        for (word, text) in zip(words, shown).dropFirst(2) {
            let name = String(decoding: word.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
            let value = word.dropFirst(name.utf8.count + 1)
            switch name {
            case "mediaId", "userId":
                guard !value.isEmpty else { throw .init(message: "`\(name)` has no value") }
                templates[name] = try EventTemplate(value)
            case "priority":
                guard let number = Int64(String(decoding: value, as: UTF8.self)), (0...9).contains(number) else {
                    throw .init(message: "`\(text.shown)`: a priority is a number from 0 to 9")
                }
                priority = number
            default:
                throw .init(message: "`\(text.shown)` is none of mediaId=…, userId=…, priority=…")
            }
        }
        self.priority = priority
        (mediaID, userID) = (templates["mediaId"], templates["userId"])
        if let mediaID, !mediaID.isDistinctive {
            throw .init(
                message: "`mediaId=\(mediaID.description.shown)` is the same for all objects, which would overwrite "
                    + "each other's outputs; add {hash}, {key}, {file}, {name}, {slug} or a part such as {2}"
            )
        }
    }

    private static let kinds = Making.words.map(\.word).joined(separator: ", ")

    private static func pattern(
        _ word: some Collection<UInt8>
    ) throws(SettingsReader.ParseFailure) -> (bucket: [UInt8]?, prefix: [UInt8], suffix: [UInt8]?) {
        var bucket: [UInt8]?
        var pattern = Array(word)[...]
        let shown = String(decoding: word, as: UTF8.self).shown
        let scheme = Array("s3://".utf8)
        if pattern.starts(with: scheme) {
            let rest = pattern.dropFirst(scheme.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), slash > rest.startIndex else {
                throw .init(message: "`\(shown)` names no bucket and key, such as s3://bucket/uploads/*")
            }
            bucket = Array(rest[..<slash])
            pattern = rest[(slash + 1)...]
        }
        let stars = pattern.indices.filter { pattern[$0] == UInt8(ascii: "*") }
        guard stars.count <= 1 else {
            throw .init(message: "`\(shown)` has more than one `*`; a `*` of the key is written %2A")
        }
        guard let star = stars.first else {
            guard !pattern.isEmpty else { throw .init(message: "`\(shown)` has no key; `*` stands for any") }
            return (bucket, try decoded(pattern), nil)
        }
        return (bucket, try decoded(pattern[..<star]), try decoded(pattern[(star + 1)...]))
    }

    /// Spaces, `;`, `*`, braces and `%` of keys are percent-encoded in rules.
    static func decoded(_ text: some Collection<UInt8>) throws(SettingsReader.ParseFailure) -> [UInt8] {
        guard let bytes = PercentCoding.decodedBytes(text) else {
            let shown = String(decoding: text, as: UTF8.self).shown
            throw .init(message: "`\(shown)` has a `%` without two hexadecimal digits; a `%` itself is written %25")
        }
        return bytes
    }
}
