/// Takes secrets out of log lines: those of the settings wherever they stand, and credentials in URLs and headers of
/// whatever origin, such as the source of a job. Pure.
///
/// It looks at bytes. Text comes from everywhere, and to compare characters takes time that grows with the square of
/// the combining marks on one of them.
package struct LogRedaction: Sendable {
    static let mask = "***"
    /// A shorter one would turn up in ordinary words.
    private static let minimumSecretBytes = 8
    /// In the name of a query parameter or field, without case.
    private static let secretNames = [
        "token", "secret", "password", "passwd", "signature", "credential", "apikey", "api_key", "api-key",
        "access_key",
    ].map { Array($0.utf8) }
    /// The bytes that end a URL in running text.
    private static let urlEnds = Set(" \t\n\r\"'<>`,;)]}".utf8)
    private static let separator = Array("://".utf8)
    private static let bearer = Array("bearer ".utf8)

    private let secrets: [[UInt8]]

    /// - Parameter secrets: values of secret settings. The password in a URL counts as a secret too, and a broker
    ///   setting may hold several URLs.
    package init(secrets: [String] = []) {
        let values = secrets.map { Array($0.utf8)[...] }
        let urls = values.flatMap { Self.split($0, at: Array(",amqp".utf8)) }
        let parts = (values + urls).flatMap { [$0, Self.password(ofURL: $0)].compactMap(\.self) }.map { Array($0) }
        // The longest first, or a part of one would leave the rest.
        self.secrets = Set(parts).filter { $0.count >= Self.minimumSecretBytes }
            .sorted { $0.count != $1.count ? $0.count > $1.count : $1.lexicographicallyPrecedes($0) }
    }

    package func callAsFunction(_ text: String) -> String {
        var bytes = Array(text.utf8)
        var isChanged = false
        for secret in secrets where Self.find(secret, in: bytes[...]) != nil {
            bytes = Array(Self.split(bytes[...], at: secret).joined(separator: Self.mask.utf8))
            isChanged = true
        }
        if Self.find(Self.separator, in: bytes[...]) != nil {
            bytes = Self.redactingURLs(bytes)
            isChanged = true
        }
        if Self.find(Self.bearer, in: bytes[...], ignoringCase: true) != nil {
            bytes = Self.redactingBearers(bytes)
            isChanged = true
        }
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }

    // MARK: - Bytes

    /// The place of `needle`, which is in lower case when case does not count.
    private static func find(_ needle: [UInt8], in bytes: ArraySlice<UInt8>, ignoringCase: Bool = false) -> Int? {
        guard let first = needle.first, bytes.count >= needle.count else { return nil }
        func lower(_ byte: UInt8) -> UInt8 { ignoringCase && (65...90).contains(byte) ? byte | 0x20 : byte }
        let found: Int? = bytes.withUnsafeBufferPointer { bytes in
            for start in 0...(bytes.count - needle.count) where lower(bytes[start]) == first {
                if (1..<needle.count).allSatisfy({ lower(bytes[start + $0]) == needle[$0] }) { return start }
            }
            return nil
        }
        return found.map { $0 + bytes.startIndex }
    }

    private static func split(_ bytes: ArraySlice<UInt8>, at needle: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var rest = bytes
        while let start = find(needle, in: rest) {
            parts.append(rest[..<start])
            rest = rest[(start + needle.count)...]
        }
        return parts + [rest]
    }

    // MARK: - URLs

    private static func redactingURLs(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let start = find(separator, in: rest) {
            let end = start + separator.count
            result += rest[..<end]
            let url = rest[end...].prefix { !urlEnds.contains($0) }
            let scheme = rest[..<start].suffix(5).map { $0 | 0x20 }
            let isBroker = scheme.suffix(4).elementsEqual("amqp".utf8) || scheme.elementsEqual("amqps".utf8)
            result += redacted(url, isBroker: isBroker)
            rest = rest[url.endIndex...]
        }
        return result + rest
    }

    /// - Parameter isBroker: whose password may hold an unencoded slash.
    private static func redacted(_ url: ArraySlice<UInt8>, isBroker: Bool) -> [UInt8] {
        let authority = url.prefix { !"/?#".utf8.contains($0) }
        let scope = isBroker ? url : authority
        guard let at = scope.lastIndex(of: UInt8(ascii: "@")) else { return redactingQuery(url) }
        let user = scope[..<at].firstIndex(of: UInt8(ascii: ":")).map { Array(scope[...$0]) } ?? []
        return user + mask.utf8 + redactingQuery(url[at...])
    }

    private static func redactingQuery(_ url: ArraySlice<UInt8>) -> [UInt8] {
        guard let mark = url.firstIndex(of: UInt8(ascii: "?")) else { return Array(url) }
        let parameters = url[(mark + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let shown = parameters.map { parameter in
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")), isSecret(parameter[..<equals]) else {
                return Array(parameter)
            }
            return Array(parameter[...equals]) + mask.utf8
        }
        return Array(url[...mark]) + shown.joined(separator: "&".utf8)
    }

    private static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        let name = name.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        return name.elementsEqual("key".utf8) || name.elementsEqual("sig".utf8)
            || secretNames.contains { find($0, in: name[...]) != nil }
    }

    private static func password(ofURL text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let start = find(separator, in: text), let at = text.lastIndex(of: UInt8(ascii: "@")),
            start + separator.count < at,
            let colon = text[(start + separator.count)..<at].firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return text[(colon + 1)..<at]
    }

    // MARK: - Headers

    private static func redactingBearers(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let start = find(bearer, in: rest, ignoringCase: true) {
            let end = start + bearer.count
            let token = rest[end...].prefix { !urlEnds.contains($0) }
            result += rest[..<end]
            if !token.isEmpty { result += mask.utf8 }
            rest = rest[token.endIndex...]
        }
        return result + rest
    }
}
