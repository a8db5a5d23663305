internal import Text

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

    /// Bytes of a URL that is kept without the parts that may be secret: more than any place takes that may be used.
    static let maximumKeptBytes = 8192

    /// For messages: without user, password and query, which may be secret, on one line, and not endless. A text that
    /// is no sound URL may lose all but its scheme.
    ///
    /// - Parameter limit: in bytes.
    package static func redacted(_ url: String, atMost limit: Int = 300) -> String {
        let bytes = Array(url.utf8)
        let (start, isFile) = body(of: bytes, scheme: scheme(url))
        func shown(_ rest: ArraySlice<UInt8>, after head: String) -> String {
            let plain = rest.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
            return (head + String(decoding: plain, as: UTF8.self)).clipped(toBytes: limit).shown
        }
        let head = String(decoding: bytes[..<start], as: UTF8.self)
        if isFile { return shown(bytes[start...], after: head) }
        if let at = URLRedaction.endOfUserInfo(bytes[start...]) { return shown(bytes[at...], after: head + "…") }
        let authority = bytes[start...].prefix { !"/?#".utf8.contains($0) }
        return URLRedaction.isHost(authority) ? shown(bytes[start...], after: head) : head + "…"
    }

    /// Where the host stands, or the user before it; and whether the URL is the path of a file of this host.
    private static func body(of bytes: [UInt8], scheme: String?) -> (start: Int, isFile: Bool) {
        guard let scheme else { return (0, false) }
        let slashes = bytes[(scheme.utf8.count + 1)...].prefix { $0 == UInt8(ascii: "/") }
        return (slashes.endIndex, scheme.utf8.elementsEqual("file".utf8) && slashes.count >= 3)
    }
}

extension Ticket {
    /// The job's source for people, on one line: its key, or its URL without the parts that may be secret.
    var sourceWords: String? {
        source.map { SourceURL.redacted($0) } ?? sourceKey.map { "the key \($0.clipped(toBytes: 300).shown)" }
    }
}
