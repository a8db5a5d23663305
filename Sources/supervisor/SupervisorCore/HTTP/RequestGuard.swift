/// Decides who a request is from, and whether it may do what it asks for. Pure.
///
/// Two kinds of caller may change things: one that knows the token, and a page that this server itself has served, which no
/// other page can pretend to be: browsers set `Origin` and `Host` themselves. A name that leads here without being one of
/// ours is somebody else's (DNS rebinding).
struct RequestGuard: Sendable {
    enum Caller: Sendable, Equatable {
        case tokenHolder
        case ownPage
        case reader
    }

    /// What the decision goes by.
    struct Facts: Sendable {
        /// The path without the query.
        var path: String
        var isChange: Bool
        /// The request's headers, nil where they are not there.
        var host: String?
        var origin: String?
        var fetchSite: String?
        var authorization: String?
    }

    /// Whether other machines can connect.
    var isExposed: Bool
    /// Names by which clients may call this server besides those of loopback, in lower case, without a port.
    var hosts: Set<String> = []
    var token: APIToken

    private static let loopbackNames: Set<String> = ["localhost", "127.0.0.1", "[::1]"]
    /// What other machines may read without the token: monitoring, and a page that holds nothing.
    private static let openPaths: Set<String> = [
        "/", "/dashboard.css", "/dashboard.js", "/openapi.json", "/health", "/health/live", "/health/ready", "/metrics",
    ]

    func check(_ request: Facts) throws(Problem) -> Caller {
        if let authorization = request.authorization {
            let parts = authorization.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer", token.matches(String(parts[1])) else {
                throw Self.unauthorized("the token is wrong")
            }
            return .tokenHolder
        }
        guard let host = request.host, isOurs(host) else {
            throw Problem(
                title: "Misdirected request",
                status: 421,
                detail: "this server does not answer to that name; use 127.0.0.1, or list the name in HTTP_HOSTS"
            )
        }
        if !request.isChange {
            if isExposed, !Self.openPaths.contains(request.path) {
                throw Self.unauthorized("other machines can connect, so the token is needed")
            }
            return .reader
        }
        if isExposed { throw Self.unauthorized("other machines can connect, so the token is needed") }
        guard let origin = request.origin else { throw Self.unauthorized("changes need the token") }
        let isSameSite = request.fetchSite.map { $0 == "same-origin" } ?? true
        guard isSameSite, origin == "http://\(host)" || origin == "https://\(host)" else {
            throw Problem(title: "Forbidden", status: 403, detail: "a page of another origin may not change anything")
        }
        return .ownPage
    }

    private func isOurs(_ host: String) -> Bool {
        var name = host.lowercased()[...]
        if let colon = name.lastIndex(of: ":"), !name.hasSuffix("]") { name = name[..<colon] }
        return Self.loopbackNames.contains(String(name)) || hosts.contains(String(name))
    }

    static func unauthorized(_ cause: String) -> Problem {
        Problem(
            title: "Unauthorized",
            status: 401,
            detail:
                "\(cause); send `Authorization: Bearer TOKEN` with API_TOKEN, or with the token in STATE_DIR/supervisor.json"
        )
    }
}
