internal import JobModel

/// The little that has to be known of URLs here, without a URL library that traps or normalises.
public enum SourceURL {
    /// The scheme in lower case, or nil when the text does not begin with one.
    public static func scheme(_ url: String) -> String? {
        guard let colon = url.firstIndex(of: ":"), colon != url.startIndex else { return nil }
        let scheme = url[..<colon]
        guard scheme.utf8.allSatisfy({ (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 0x2B }) else {
            return nil
        }
        return scheme.lowercased()
    }

    /// The absolute path of a `file:` URL: `file:///a%20b` is `/a b`. A host other than none or `localhost` is refused.
    public static func filePath(_ url: String) throws(StorageError) -> String {
        func refuse(_ reason: String) -> StorageError {
            StorageError(code: .invalidURL, message: "`\(redacted(url))` is no file URL: \(reason)")
        }
        guard scheme(url) == "file", let colon = url.firstIndex(of: ":") else { throw refuse("it has another scheme") }
        var rest = url[url.index(after: colon)...]
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            let host = rest.prefix { $0 != "/" }
            guard host.isEmpty || host.lowercased() == "localhost" else { throw refuse("it names the host \(host)") }
            rest = rest.dropFirst(host.count)
        }
        guard rest.hasPrefix("/") else { throw refuse("its path is not absolute") }
        guard let path = percentDecoded(rest) else { throw refuse("a `%` is not followed by two hexadecimal digits") }
        guard !path.utf8.contains(0) else { throw refuse("it has a NUL character") }
        return path
    }

    /// A file URL for an absolute path.
    public static func file(_ path: String) -> String {
        var encoded = "file://"
        for byte in path.utf8 {
            let isPlain =
                (97...122).contains(byte | 0x20) || (48...57).contains(byte)
                || [0x2D, 0x2E, 0x2F, 0x5F, 0x7E].contains(byte)
            if isPlain {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return encoded
    }

    /// For messages: without user, password and query, which may be secret, and not endless.
    public static func redacted(_ url: String) -> String {
        let shown = url.prefix { $0 != "?" && $0 != "#" }
        if let separator = shown.firstRange(of: "://"), let at = shown[separator.upperBound...].firstIndex(of: "@") {
            let authority = shown[separator.upperBound...].prefix { $0 != "/" }
            if at < authority.endIndex {
                return String(shown[..<separator.upperBound] + "…" + shown[at...]).clipped(toBytes: 300)
            }
        }
        return String(shown).clipped(toBytes: 300)
    }

    private static func percentDecoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
