/// Takes secrets out of what is logged: those of the settings wherever they stand, and credentials in URLs and headers of
/// whatever origin, such as the source of a job. Pure.
struct LogRedaction: Sendable {
    static let mask = "***"
    /// A shorter one would turn up in ordinary words.
    private static let minimumSecretBytes = 8
    /// In the name of a query parameter or field, without case.
    private static let secretNames = [
        "token", "secret", "password", "passwd", "signature", "credential", "apikey", "api_key", "api-key",
        "access_key",
    ]
    /// What ends a URL in running text.
    private static let urlEnds: Set<Character> = [
        " ", "\t", "\n", "\r", "\"", "'", "<", ">", "`", ",", ";", ")", "]", "}",
    ]

    private let secrets: [String]

    /// - Parameter secrets: values of secret settings. Of a URL its password counts as one too, and a broker setting may hold
    ///   several URLs.
    init(secrets: [String] = []) {
        let urls = secrets.flatMap { $0.split(separator: ",amqp").map(String.init) }
        let parts = (secrets + urls).flatMap { [$0, Self.password(ofURL: $0)].compactMap(\.self) }
        // The longest first, or a part of one would leave the rest.
        self.secrets = Set(parts).filter { $0.utf8.count >= Self.minimumSecretBytes }
            .sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
    }

    func callAsFunction(_ text: String) -> String {
        var result = text
        for secret in secrets where result.contains(secret) { result = result.replacing(secret, with: Self.mask) }
        if result.contains("://") { result = Self.redactingURLs(result) }
        if result.lowercased().contains("bearer ") { result = Self.redactingBearers(result) }
        return result
    }

    // MARK: - URLs

    private static func redactingURLs(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "://") {
            result += rest[..<start.upperBound]
            let url = rest[start.upperBound...].prefix { !urlEnds.contains($0) }
            let isBroker = rest[..<start.lowerBound].lowercased().hasSuffixAny(["amqp", "amqps"])
            result += redacted(url, isBroker: isBroker)
            rest = rest[url.endIndex...]
        }
        return result + rest
    }

    /// - Parameter isBroker: whose password may hold an unencoded slash.
    private static func redacted(_ url: Substring, isBroker: Bool) -> String {
        let authorityEnd = url.firstIndex { "/?#".contains($0) } ?? url.endIndex
        let scope = isBroker ? url : url[..<authorityEnd]
        guard let at = scope.lastIndex(of: "@") else { return redactingQuery(url) }
        let user = scope[..<at].firstIndex(of: ":").map { "\(scope[..<$0]):" } ?? ""
        return user + mask + redactingQuery(url[at...])
    }

    private static func redactingQuery(_ url: Substring) -> String {
        guard let mark = url.firstIndex(of: "?") else { return String(url) }
        let parameters = url[url.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
        let shown = parameters.map { parameter in
            guard let equals = parameter.firstIndex(of: "="), isSecret(parameter[..<equals].lowercased()) else {
                return String(parameter)
            }
            return parameter[...equals] + mask
        }
        return url[...mark] + shown.joined(separator: "&")
    }

    private static func isSecret(_ name: String) -> Bool {
        name == "key" || name == "sig" || secretNames.contains { name.contains($0) }
    }

    private static func password(ofURL text: String) -> String? {
        guard let start = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"), start.upperBound < at,
            let colon = text[start.upperBound..<at].firstIndex(of: ":")
        else { return nil }
        return String(text[text.index(after: colon)..<at])
    }

    // MARK: - Headers

    private static func redactingBearers(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "earer ") {
            result += rest[..<start.upperBound]
            let token = rest[start.upperBound...].prefix { !urlEnds.contains($0) }
            result += token.isEmpty ? "" : mask
            rest = rest[token.endIndex...]
        }
        return result + rest
    }
}

extension String {
    fileprivate func hasSuffixAny(_ suffixes: [String]) -> Bool { suffixes.contains { hasSuffix($0) } }
}
