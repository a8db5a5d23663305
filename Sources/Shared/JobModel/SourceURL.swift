/// The few operations on URLs that are needed here, without a URL library that traps or normalises.
package enum SourceURL {
    /// The scheme in lower case, or nil when the text does not begin with one.
    package static func scheme(_ url: String) -> String? {
        let bytes = url.utf8
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon != bytes.startIndex else { return nil }
        let scheme = bytes[..<colon]
        guard scheme.allSatisfy({ (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 0x2B }) else {
            return nil
        }
        return String(decoding: scheme, as: UTF8.self).lowercased()
    }

    /// For messages: without user, password and query, which may be secret, on one line, and not endless.
    ///
    /// - Parameter limit: in bytes.
    package static func redacted(_ url: String, atMost limit: Int = 300) -> String {
        let bytes = Array(url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        func text(_ bytes: some Collection<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        let separator = Array("://".utf8)
        let start = bytes.indices.first { bytes[$0...].starts(with: separator) }
        if let start {
            let authority = bytes[(start + separator.count)...].prefix { $0 != UInt8(ascii: "/") }
            if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
                return (text(bytes[..<authority.startIndex]) + "…" + text(bytes[at...])).clipped(toBytes: limit).shown
            }
        }
        return text(bytes).clipped(toBytes: limit).shown
    }
}

extension Ticket {
    /// The job's source for people, on one line: its key, or its URL without the parts that may be secret.
    var sourceWords: String? {
        source.map { SourceURL.redacted($0) } ?? sourceKey.map { "the key \($0.clipped(toBytes: 300).shown)" }
    }
}
