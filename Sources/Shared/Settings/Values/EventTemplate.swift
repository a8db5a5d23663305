internal import JobModel

/// A pattern for a text that is made of an object's bucket and key, such as `{1}-{name}`.
package struct EventTemplate: Sendable, Hashable, CustomStringConvertible {
    package enum Placeholder: Sendable, Hashable {
        case bucket
        /// The whole key.
        case key
        /// The key's last part, between slashes.
        case file
        /// The same without its ending.
        case name
        /// The ending without its dot.
        case fileExtension
        /// ``name``, with all but ASCII letters, digits and `_` as `-`; 64 bytes at most.
        case slug
        /// Digits that no other key has, in all buckets.
        case hash
        /// The part of the key of this number, counted from 1.
        case part(Int)

        static let named: [(name: String, value: Placeholder)] = [
            ("bucket", .bucket), ("key", .key), ("file", .file), ("name", .name), ("ext", .fileExtension),
            ("slug", .slug), ("hash", .hash),
        ]
        static let parts = 1...9
        /// For messages and the reference page.
        static let list = named.map { "{\($0.name)}" }.joined(separator: ", ") + ", {1} to {9}"

        init?(_ name: [UInt8]) {
            if let known = Self.named.first(where: { name.elementsEqual($0.name.utf8) }) {
                self = known.value
            } else if name.count == 1, let digit = name.first, (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(digit) {
                self = .part(Int(digit - UInt8(ascii: "0")))
            } else {
                return nil
            }
        }

        /// Whether two objects can be told apart by it.
        var isDistinctive: Bool {
            switch self {
            case .key, .file, .name, .slug, .hash, .part: true
            case .bucket, .fileExtension: false
            }
        }
    }

    private enum Part: Sendable, Hashable {
        case text([UInt8])
        case value(Placeholder)
    }

    package let description: String
    private let parts: [Part]

    /// - Parameter text: percent-encoded.
    init(_ text: some Collection<UInt8>) throws(SettingsReader.ParseFailure) {
        description = String(decoding: text, as: UTF8.self)
        var parts: [Part] = []
        var rest = Array(text)[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            guard let close = rest[open...].firstIndex(of: UInt8(ascii: "}")) else {
                throw .init(message: "a `{` of `\(description.shown)` is not closed")
            }
            let name = Array(rest[(open + 1)..<close])
            guard let placeholder = Placeholder(name) else {
                let shown = String(decoding: name, as: UTF8.self).shown
                throw .init(message: "`{\(shown)}` is unknown; known are \(Placeholder.list)")
            }
            parts.append(.text(try EventRule.decoded(rest[..<open])))
            parts.append(.value(placeholder))
            rest = rest[(close + 1)...]
        }
        parts.append(.text(try EventRule.decoded(rest)))
        self.parts = parts
    }

    /// Whether two objects can have two texts.
    var isDistinctive: Bool { parts.contains { if case .value(let value) = $0 { value.isDistinctive } else { false } } }

    /// - Parameter value: of a placeholder; nil when the object has none.
    /// - Returns: nil when a value is missing.
    package func bytes(_ value: (Placeholder) -> [UInt8]?) -> [UInt8]? {
        var bytes: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): bytes += text
            case .value(let placeholder):
                guard let value = value(placeholder) else { return nil }
                bytes += value
            }
        }
        return bytes
    }
}
