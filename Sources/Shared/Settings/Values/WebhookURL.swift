/// The URL that alerts are sent to. Its path and query often hold a token, so the whole is a secret; ``origin`` may be
/// shown.
package struct WebhookURL: Sendable, Hashable, CustomStringConvertible {
    /// For requests only.
    package let text: String
    /// Scheme, host and port, such as `https://hooks.example.org`.
    package let origin: String

    package var description: String { origin }

    init(_ text: String) throws(SettingsReader.ParseFailure) {
        // The value is a secret, so no message repeats any of it.
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: { text.lowercased().hasPrefix($0) }) else {
            throw .init(message: "it begins with neither http:// nor https://")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw .init(message: "it has a space or a character that a URL must percent-encode")
        }
        let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else {
            throw .init(message: "a name and password in the URL are not supported; use a token in its path or query")
        }
        let host =
            authority.hasPrefix("[") ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
        guard !host.isEmpty else { throw .init(message: "it names no host") }
        self.text = text
        origin = scheme + authority
    }

    static var format: SettingFormat<Self> {
        SettingFormat(type: "URL", range: "http or https", text: \.text, parse: Self.init)
    }
}
