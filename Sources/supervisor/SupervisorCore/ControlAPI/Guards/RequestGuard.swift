internal import Settings

/// Decides who a request is from, and whether it is allowed. Pure.
///
/// Two kinds of caller may change things: one that knows the token, and, as long as nobody has set up anything for
/// others, a page that this server itself has served, which no other page can pretend to be: browsers set `Origin` and
/// `Host` themselves. A name that leads here without being one of ours is somebody else's (DNS rebinding).
struct RequestGuard: Sendable {
    enum Caller: Sendable, Equatable {
        case tokenHolder
        case ownPage
        case reader
    }

    /// The facts that the decision goes by.
    struct Facts: Sendable {
        /// The path without the query.
        var path: String
        var isChange: Bool
        /// The values of the request's headers, as often as they are there.
        var host: [String] = []
        var origin: [String] = []
        var fetchSite: [String] = []
        var authorization: [String] = []
    }

    /// Whether other machines can connect.
    private let isExposed: Bool
    /// Whether every change needs it. `API_TOKEN` says that somebody wants to decide who changes things, and
    /// `HTTP_HOSTS` that a proxy passes on requests of others, whose page would count as ours.
    private let isTokenNeeded: Bool
    /// Names by which only programs and browsers of this machine call this server.
    private let ownNames: Set<[UInt8]>
    /// Names by which others may.
    private let otherNames: Set<[UInt8]>
    private let token: APIToken

    private static let loopbackNames = ["localhost", "127.0.0.1", "[::1]"]
    /// Paths that anybody may read: monitoring, and a page that holds nothing.
    private static let openPaths = Set(
        [
            "/", "/dashboard.css", "/dashboard.js", "/openapi.json", "/health", "/health/live", "/health/ready",
            "/metrics",
        ]
        .map { Array($0.utf8) }
    )

    init(_ settings: Settings, token: APIToken) {
        let address = settings.httpAddress
        // As a URL has it.
        let addressName = address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]" : address
        isExposed = settings.isHTTPExposed
        isTokenNeeded = settings.apiToken != nil || !settings.httpHosts.isEmpty
        func names(_ texts: [String]) -> Set<[UInt8]> { Set(texts.map { Array($0.utf8) }) }
        ownNames = names(Self.loopbackNames + (settings.isHTTPExposed ? [] : [addressName]))
        otherNames = names(settings.httpHosts + (settings.isHTTPExposed ? [addressName] : [])).subtracting(ownNames)
        self.token = token
    }

    func check(_ request: Facts) throws(Problem) -> Caller {
        // A proxy may go by one of two values and this server by the other.
        for values in [request.host, request.origin, request.fetchSite, request.authorization] where values.count > 1 {
            throw Problem(
                title: "Bad request",
                status: 400,
                detail: "Host, Origin, Sec-Fetch-Site and Authorization may be there once each"
            )
        }
        if let authorization = request.authorization.first {
            guard let given = Self.bearer(authorization), token.matches(given) else {
                throw Self.unauthorized("the token is wrong")
            }
            return .tokenHolder
        }
        guard let host = request.host.first, let name = Self.name(ofHost: host),
            ownNames.contains(name) || otherNames.contains(name)
        else {
            throw Problem(
                title: "Misdirected request",
                status: 421,
                detail: "this server does not answer to that name; use 127.0.0.1, or list the name in HTTP_HOSTS"
            )
        }
        if request.isChange {
            try checkPage(request, host)
            return .ownPage
        }
        if isExposed || !ownNames.contains(name), !Self.openPaths.contains(Array(request.path.utf8)) {
            throw Self.unauthorized("others than this machine may read it by that name, so the token is needed")
        }
        return .reader
    }

    /// - Throws: unless it is a page of this server's that asks, and it may.
    private func checkPage(_ request: Facts, _ host: String) throws(Problem) {
        if isExposed { throw Self.unauthorized("other machines can connect, so the token is needed") }
        if isTokenNeeded {
            throw Self.unauthorized("with API_TOKEN or HTTP_HOSTS set, every change needs the token")
        }
        guard let origin = request.origin.first else { throw Self.unauthorized("changes need the token") }
        let isSameSite = request.fetchSite.first.map { Self.isSame($0, "same-origin") } ?? true
        guard isSameSite, Self.isSame(origin, "http://\(host)") || Self.isSame(origin, "https://\(host)") else {
            throw Problem(title: "Forbidden", status: 403, detail: "a page of another origin may not change anything")
        }
    }

    /// By bytes: `String` takes texts for equal that a browser or a proxy does not.
    private static func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

    /// The name or address in a `Host`, in lower case and without the port; nil when it is not `name`, `name:port` or
    /// the same with an address in brackets, in ASCII.
    static func name(ofHost text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        guard bytes.count <= 512, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        let end =
            bytes.first == UInt8(ascii: "[")
            ? bytes.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 }
            : bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        guard let end, end > 0 else { return nil }
        let port = bytes[end...]
        let isPort = port.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
        guard port.isEmpty || (port.first == UInt8(ascii: ":") && isPort) else { return nil }
        return bytes[..<end].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// The token of `Bearer TOKEN`; nil when it is something else.
    private static func bearer(_ text: String) -> ArraySlice<UInt8>? {
        let bytes = Array(text.utf8)
        let scheme = Array("bearer ".utf8)
        guard bytes.count > scheme.count, zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) else { return nil }
        return bytes[scheme.count...].drop { $0 == UInt8(ascii: " ") }
    }

    static func unauthorized(_ cause: String) -> Problem {
        Problem(
            title: "Unauthorized",
            status: 401,
            detail:
                "\(cause); send `Authorization: Bearer TOKEN` with API_TOKEN, or with the token in "
                + "STATE_DIR/supervisor.json"
        )
    }
}
