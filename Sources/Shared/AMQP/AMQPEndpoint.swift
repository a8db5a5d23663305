internal import Text

/// A broker's address and the user who connects: an `amqp://` or `amqps://` URL taken apart.
package struct AMQPEndpoint: Sendable, Hashable {
    package var host: String
    package var port: UInt16
    package var virtualHost: String
    package var user: String
    /// Secret: never log it.
    package var password: String
    package var usesTLS: Bool
    /// The URL's `heartbeat` parameter in seconds; overrides the configuration.
    package var heartbeatSeconds: UInt16?
    /// The URL's `cacertfile` parameter: certificates trusted for TLS, in PEM; overrides the configuration.
    package var certificateAuthoritiesPath: String?

    package init(
        host: String = "127.0.0.1",
        port: UInt16? = nil,
        virtualHost: String = "/",
        user: String = "guest",
        password: String = "guest",
        usesTLS: Bool = false,
        heartbeatSeconds: UInt16? = nil,
        certificateAuthoritiesPath: String? = nil
    ) {
        self.host = host
        self.port = port ?? (usesTLS ? 5671 : 5672)
        self.virtualHost = virtualHost
        self.user = user
        self.password = password
        self.usesTLS = usesTLS
        self.heartbeatSeconds = heartbeatSeconds
        self.certificateAuthoritiesPath = certificateAuthoritiesPath
    }

    /// The address without the password, for logs.
    package var redacted: String {
        let scheme = usesTLS ? "amqps" : "amqp"
        let authority = host.contains(":") ? "[\(host)]" : host
        return "\(scheme)://\(user):***@\(authority):\(port)/\(virtualHost == "/" ? "" : virtualHost)"
    }
}

extension AMQPEndpoint: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { redacted }
    package var debugDescription: String { redacted }
    /// Keeps `dump` and test failures from printing the password.
    package var customMirror: Mirror { Mirror(self, children: ["url": redacted]) }
}

extension AMQPEndpoint {
    /// Reads `amqp[s]://[user[:password]@]host[:port][/vhost][?heartbeat=seconds&cacertfile=path]`, percent-decoded.
    ///
    /// Missing parts are `guest`, 5672 (5671 for TLS) and the virtual host `/`. The broker's certificate is always
    /// verified: `verify=verify_peer` changes nothing, and any other `verify` is refused. Other query parameters are
    /// ignored.
    ///
    /// - Throws: `.invalidURL`; the message never repeats the URL, which holds a password.
    package init(parsing url: String) throws(AMQPError) {
        guard let schemeEnd = url.firstRange(of: "://") else {
            throw Self.invalid("it does not start with amqp:// or amqps://")
        }
        let scheme = url[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "amqp" || scheme == "amqps" else {
            throw Self.invalid("its scheme is neither amqp nor amqps")
        }
        var rest = url[schemeEnd.upperBound...]
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        // A password may hold an unencoded slash or at sign: the host begins after the last at sign.
        var credentials: Substring?
        if let at = rest.lastIndex(of: "@") {
            credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        var path: Substring = ""
        if let slash = rest.firstIndex(of: "/") {
            path = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
        }
        self.init(usesTLS: scheme == "amqps")
        try setAuthority(rest)
        if let credentials { try setCredentials(credentials) }
        if !path.isEmpty {
            guard !path.contains("/") else {
                throw Self.invalid("its virtual host holds a slash; write it as %2F")
            }
            virtualHost = try Self.decode(path, part: "virtual host")
        }
        for parameter in query.split(separator: "&") {
            guard let equals = parameter.firstIndex(of: "=") else { continue }
            try setParameter(parameter[..<equals], parameter[parameter.index(after: equals)...])
        }
    }

    private mutating func setParameter(_ name: Substring, _ value: Substring) throws(AMQPError) {
        switch name {
        case "heartbeat":
            guard let seconds = UInt16(value) else {
                throw Self.invalid("its heartbeat is not a number of seconds from 0 to 65535")
            }
            heartbeatSeconds = seconds
        case "cacertfile":
            guard usesTLS else { throw Self.invalid("its cacertfile needs amqps://") }
            let path = try Self.decode(value, part: "cacertfile")
            guard path.hasPrefix("/") else { throw Self.invalid("its cacertfile is not an absolute path") }
            certificateAuthoritiesPath = path
        case "verify":
            guard value == "verify_peer" else {
                throw Self.invalid(
                    "certificates are always verified; name the authority that signed the broker's with cacertfile"
                )
            }
        default:
            break
        }
    }

    private mutating func setCredentials(_ text: Substring) throws(AMQPError) {
        guard let colon = text.firstIndex(of: ":") else {
            user = try Self.decode(text, part: "user")
            return
        }
        user = try Self.decode(text[..<colon], part: "user")
        password = try Self.decode(text[text.index(after: colon)...], part: "password")
    }

    private mutating func setAuthority(_ text: Substring) throws(AMQPError) {
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw Self.invalid("its IPv6 address lacks a ]") }
            host = String(text[text.index(after: text.startIndex)..<end])
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw Self.invalid("its port is unreadable") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = try Self.decode(text[..<colon], part: "host")
            portText = text[text.index(after: colon)...]
        } else {
            host = try Self.decode(text, part: "host")
        }
        guard !host.isEmpty else { throw Self.invalid("it names no host") }
        guard !host.contains(",") else {
            throw Self.invalid("its host holds a comma; of several URLs each begins with amqp:// or amqps://")
        }
        guard let portText else { return }
        guard let number = UInt16(portText), number > 0 else { throw Self.invalid("its port is not 1 to 65535") }
        port = number
    }

    private static func decode(_ text: Substring, part: String) throws(AMQPError) -> String {
        guard let bytes = PercentCoding.decodedBytes(text.utf8) else {
            throw invalid("its \(part) holds a % without two hexadecimal digits; write % as %25")
        }
        guard let decoded = String(validating: bytes, as: UTF8.self), !decoded.utf8.contains(0) else {
            throw invalid("its \(part) is not UTF-8 text")
        }
        return decoded
    }

    private static func invalid(_ reason: String) -> AMQPError {
        AMQPError(
            .invalidURL,
            "the broker URL is not usable: \(reason). Expected amqp://user:password@host:port/vhost",
            isRetriable: false
        )
    }
}
