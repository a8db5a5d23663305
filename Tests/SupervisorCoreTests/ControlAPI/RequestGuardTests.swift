import Queues
import Settings
import Testing

@testable import SupervisorCore

struct RequestGuardTests {
    private static let secret = "0123456789abcdef"

    /// The settings of the operator.
    enum Setup: String, Sendable, CaseIterable {
        case plain
        case token
        case hosts
        case both
        case exposed

        var variables: [String: String] {
            switch self {
            case .plain: [:]
            case .token: ["API_TOKEN": secret]
            case .hosts: ["HTTP_HOSTS": "media.example, Kiosk.example"]
            case .both: ["API_TOKEN": secret, "HTTP_HOSTS": "media.example"]
            case .exposed: ["API_TOKEN": secret, "HTTP_HOSTS": "media.example", "HTTP_ADDRESS": "192.0.2.1"]
            }
        }

        var hasHosts: Bool { self == .hosts || self == .both || self == .exposed }
    }

    private static func gate(_ variables: [String: String]) throws -> RequestGuard {
        RequestGuard(try Settings.from(variables), token: APIToken(secret))
    }

    private static func status(_ gate: RequestGuard, _ facts: RequestGuard.Facts) -> (RequestGuard.Caller?, Int?) {
        do throws(Problem) {
            return (try gate.check(facts), nil)
        } catch {
            #expect(error.detail?.contains(secret) == false)
            return (nil, error.status)
        }
    }

    // MARK: - Every combination

    private static let own = "127.0.0.1:8044"
    private static let other = "media.example"
    private static let strange = "evil.example:8044"

    @Test("Who may do what, for every setup, name, origin, token, method and path", arguments: Setup.allCases)
    func everything(_ setup: Setup) throws {
        let gate = try Self.gate(setup.variables)
        for host in [Self.own, Self.other, Self.strange] {
            for origin in [nil, "http://\(host)", "https://\(host)", "http://\(Self.strange)/", "null"] {
                for authorization in [nil, "Bearer \(Self.secret)", "Bearer \(Self.secret)x"] {
                    for isChange in [false, true] {
                        for path in [
                            "/", "/health", "/health/ready", "/metrics", "/openapi.json", "/jobs", "/events", "/info",
                        ] {
                            let found = Self.status(
                                gate,
                                RequestGuard.Facts(
                                    path: path,
                                    isChange: isChange,
                                    host: [host],
                                    origin: origin.map { [$0] } ?? [],
                                    authorization: authorization.map { [$0] } ?? []
                                )
                            )
                            let wanted = wanted(setup, host, origin, authorization, isChange, path)
                            #expect(
                                found == wanted,
                                "\(setup) \(host) \(origin ?? "-") \(authorization ?? "-") \(isChange) \(path)"
                            )
                        }
                    }
                }
            }
        }
    }

    /// As docs/http.md says it.
    private func wanted(
        _ setup: Setup,
        _ host: String,
        _ origin: String?,
        _ authorization: String?,
        _ isChange: Bool,
        _ path: String
    ) -> (RequestGuard.Caller?, Int?) {
        if let authorization { return authorization == "Bearer \(Self.secret)" ? (.tokenHolder, nil) : (nil, 401) }
        let isKnown = host == Self.own || host == Self.other && setup.hasHosts
        if !isKnown { return (nil, 421) }
        if isChange {
            if setup != .plain || origin == nil { return (nil, 401) }
            return origin?.hasSuffix("://\(host)") == true ? (.ownPage, nil) : (nil, 403)
        }
        let isOpen = !["/jobs", "/events", "/info"].contains(path)
        return isOpen || host == Self.own && setup != .exposed ? (.reader, nil) : (nil, 401)
    }

    @Test("A request that a proxy has passed on changes nothing without the token, whatever it claims")
    func proxied() throws {
        for setup in [Setup.token, .hosts, .both, .exposed] {
            for host in ["media.example", "127.0.0.1:8044"] {
                let found = Self.status(
                    try Self.gate(setup.variables),
                    RequestGuard.Facts(
                        path: "/pools/process.video/scale",
                        isChange: true,
                        host: [host],
                        origin: ["https://\(host)"],
                        fetchSite: ["same-origin"]
                    )
                )
                #expect(found == (nil, setup == .token && host == "media.example" ? 421 : 401))
            }
        }
    }

    // MARK: - Names

    @Test(
        "The name that a request calls is read as bytes",
        arguments: [
            ("127.0.0.1", "127.0.0.1"), ("127.0.0.1:8044", "127.0.0.1"), ("LocalHost:1", "localhost"),
            ("[::1]", "[::1]"),
            ("[::1]:8044", "[::1]"), ("localhost:", "localhost"), ("", nil), (":80", nil), ("localhost:80a", nil),
            ("localhost:80:80", nil), ("[::1", nil), ("[::1]x", nil), ("local host", nil), ("localhost\u{301}", nil),
            ("loca\u{142}host", nil), ("\u{212A}iosk.example", nil), ("localhost:٨", nil),
        ]
    )
    func names(text: String, name: String?) {
        #expect(RequestGuard.name(ofHost: text) == name.map { Array($0.utf8) })
    }

    struct Names: Sendable {
        var variables: [String: String] = [:]
        var host: String
        var path = "/jobs"
        var refusal: Int?
    }

    @Test(
        "A read is answered by loopback's names, and by names of the settings with the token only",
        arguments: [
            Names(host: "localhost"), Names(host: "127.0.0.1.evil.example", refusal: 421),
            Names(host: "\u{212A}iosk.example", refusal: 421),
            Names(variables: ["HTTP_HOSTS": "kiosk.example"], host: "\u{212A}iosk.example", path: "/", refusal: 421),
            Names(variables: ["HTTP_HOSTS": "kiosk.example"], host: "KIOSK.example", path: "/"),
            Names(variables: ["HTTP_HOSTS": "kiosk.example"], host: "kiosk.example:80", refusal: 401),
            // A name of loopback's that is listed stays one.
            Names(variables: ["HTTP_HOSTS": "localhost"], host: "localhost"),
            Names(variables: ["HTTP_ADDRESS": "127.0.0.2"], host: "127.0.0.2:8044"),
            Names(variables: ["HTTP_ADDRESS": "::1"], host: "[::1]:8044"),
            Names(variables: ["HTTP_ADDRESS": "192.0.2.1", "API_TOKEN": secret], host: "192.0.2.1", refusal: 401),
            Names(variables: ["HTTP_ADDRESS": "192.0.2.1", "API_TOKEN": secret], host: "192.0.2.1", path: "/health"),
            Names(variables: ["HTTP_ADDRESS": "192.0.2.1", "API_TOKEN": secret], host: "localhost", refusal: 401),
        ]
    )
    func reads(_ row: Names) throws {
        let facts = RequestGuard.Facts(path: row.path, isChange: false, host: [row.host])
        let found = Self.status(try Self.gate(row.variables), facts)
        #expect(found == (row.refusal == nil ? .reader : nil, row.refusal))
    }

    // MARK: - Headers

    struct Header: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var host = ["127.0.0.1:8044"]
        var origin: [String] = []
        var fetchSite: [String] = []
        var authorization: [String] = []
        var refusal: Int?
        var caller: RequestGuard.Caller?
    }

    private static let page = ["http://127.0.0.1:8044"]
    private static let bearer = "Bearer \(secret)"

    static let headers = [
        Header(testDescription: "nothing", refusal: 401),
        Header(testDescription: "no name", host: [], origin: page, refusal: 421),
        Header(
            testDescription: "the token by any name",
            host: ["media.internal"],
            authorization: [bearer],
            caller: .tokenHolder
        ),
        Header(testDescription: "the token without a name", host: [], authorization: [bearer], caller: .tokenHolder),
        Header(testDescription: "the scheme in capitals", authorization: ["BEARER  \(secret)"], caller: .tokenHolder),
        Header(testDescription: "a beginning of the token", authorization: ["Bearer 0123456789abcde"], refusal: 401),
        Header(testDescription: "the token twice over", authorization: [bearer + secret], refusal: 401),
        Header(testDescription: "another end of the token", authorization: ["Bearer 0123456789abcdeF"], refusal: 401),
        Header(testDescription: "no token", authorization: ["Bearer "], refusal: 401),
        Header(testDescription: "the token in another scheme", authorization: ["Basic \(secret)"], refusal: 401),
        Header(testDescription: "a token that only looks the same", authorization: [bearer + "\u{301}"], refusal: 401),
        Header(testDescription: "our own page", origin: page, fetchSite: ["same-origin"], caller: .ownPage),
        Header(testDescription: "our own page in an older browser", origin: page, caller: .ownPage),
        Header(
            testDescription: "another page",
            origin: ["http://evil.example"],
            fetchSite: ["cross-site"],
            refusal: 403
        ),
        Header(testDescription: "a page of another port", origin: ["http://127.0.0.1:3000"], refusal: 403),
        Header(
            testDescription: "a page that a browser says is another",
            origin: page,
            fetchSite: ["same-site"],
            refusal: 403
        ),
        Header(testDescription: "two names", host: ["127.0.0.1:8044", "evil.example"], origin: page, refusal: 400),
        Header(
            testDescription: "one name twice",
            host: ["127.0.0.1", "127.0.0.1"],
            authorization: [bearer],
            refusal: 400
        ),
        Header(testDescription: "two origins", origin: page + page, refusal: 400),
        Header(testDescription: "two tokens", authorization: [bearer, bearer], refusal: 400),
        Header(testDescription: "two sites", origin: page, fetchSite: ["same-origin", "same-origin"], refusal: 400),
    ]

    @Test("A caller may change what its headers allow where nothing is set", arguments: headers)
    func change(_ row: Header) throws {
        let found = Self.status(
            try Self.gate([:]),
            RequestGuard.Facts(
                path: "/jobs",
                isChange: true,
                host: row.host,
                origin: row.origin,
                fetchSite: row.fetchSite,
                authorization: row.authorization
            )
        )
        #expect(found == (row.caller, row.refusal))
    }

    @Test("Random tokens are long and differ")
    func random() {
        let (first, second) = (APIToken.random(), APIToken.random())
        #expect(first.text.utf8.count == 64)
        #expect(!first.matches(second.text.utf8) && first.matches(first.text.utf8))
        #expect(!first.matches([]))
    }
}
