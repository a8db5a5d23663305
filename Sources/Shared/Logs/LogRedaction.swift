internal import Text

/// Takes secrets out of log lines: those of the settings wherever they stand, and credentials in URLs and headers of
/// whatever origin, such as the source of a job. Pure.
///
/// It looks at bytes. Text comes from everywhere, and to compare characters takes time that grows with the square of
/// the combining marks on one of them.
package struct LogRedaction: Sendable {
    /// A shorter one would turn up in ordinary words.
    private static let minimumSecretBytes = 8
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
        for secret in secrets where URLRedaction.find(secret, in: bytes[...]) != nil {
            bytes = Array(Self.split(bytes[...], at: secret).joined(separator: URLRedaction.mask.utf8))
            isChanged = true
        }
        let withoutCredentials = URLRedaction.redacted(bytes)
        if withoutCredentials != bytes {
            bytes = withoutCredentials
            isChanged = true
        }
        if URLRedaction.find(Self.bearer, in: bytes[...], ignoringCase: true) != nil {
            bytes = Self.redactingBearers(bytes)
            isChanged = true
        }
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }

    // MARK: - Bytes

    private static func split(_ bytes: ArraySlice<UInt8>, at needle: [UInt8]) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var rest = bytes
        while let start = URLRedaction.find(needle, in: rest) {
            parts.append(rest[..<start])
            rest = rest[(start + needle.count)...]
        }
        return parts + [rest]
    }

    private static func password(ofURL text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let start = URLRedaction.find(separator, in: text), let at = text.lastIndex(of: UInt8(ascii: "@")),
            start + separator.count < at,
            let colon = text[(start + separator.count)..<at].firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return text[(colon + 1)..<at]
    }

    // MARK: - Headers

    private static func redactingBearers(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text[...]
        while let start = URLRedaction.find(bearer, in: rest, ignoringCase: true) {
            let end = start + bearer.count
            let token = rest[end...].prefix { !URLRedaction.ends.contains($0) }
            result += rest[..<end]
            if !token.isEmpty { result += URLRedaction.mask.utf8 }
            rest = rest[token.endIndex...]
        }
        return result + rest
    }
}
