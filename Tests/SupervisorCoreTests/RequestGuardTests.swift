import Testing

@testable import SupervisorCore

struct RequestGuardTests {
    private static let token = APIToken("a token of some length")

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var isExposed = false
        var path = "/jobs"
        var isChange = true
        var host: String? = "127.0.0.1:8044"
        var origin: String?
        var fetchSite: String?
        var authorization: String?
        /// The status of the refusal.
        var refusal: Int?
        var caller: RequestGuard.Caller?
    }

    private static let own = "http://127.0.0.1:8044"
    private static let bearer = "Bearer a token of some length"

    static let cases = [
        Case(testDescription: "a read", isChange: false, caller: .reader),
        Case(testDescription: "a read by another loopback name", isChange: false, host: "LocalHost:1", caller: .reader),
        Case(testDescription: "a read over IPv6", isChange: false, host: "[::1]:8044", caller: .reader),
        Case(testDescription: "a read by a listed name", isChange: false, host: "media.example", caller: .reader),
        Case(testDescription: "a read by a rebound name", isChange: false, host: "evil.example:8044", refusal: 421),
        Case(testDescription: "a read without a name", isChange: false, host: nil, refusal: 421),
        Case(
            testDescription: "a read by a name that begins like ours",
            isChange: false,
            host: "127.0.0.1.evil.example",
            refusal: 421
        ),
        Case(testDescription: "a change without anything", refusal: 401),
        Case(testDescription: "a change with the token", authorization: bearer, caller: .tokenHolder),
        Case(
            testDescription: "a change with the token by any name",
            host: "media.internal",
            authorization: bearer,
            caller: .tokenHolder
        ),
        Case(
            testDescription: "a wrong token",
            origin: own,
            authorization: "Bearer a token of some lengtH",
            refusal: 401
        ),
        Case(testDescription: "a beginning of the token", authorization: "Bearer a token", refusal: 401),
        Case(
            testDescription: "the token in another scheme",
            authorization: "Basic a token of some length",
            refusal: 401
        ),
        Case(testDescription: "our own page", origin: own, fetchSite: "same-origin", caller: .ownPage),
        Case(testDescription: "our own page in an older browser", origin: own, caller: .ownPage),
        Case(testDescription: "another page", origin: "http://evil.example", fetchSite: "cross-site", refusal: 403),
        Case(testDescription: "a page of another port", origin: "http://127.0.0.1:3000", refusal: 403),
        Case(testDescription: "a page without an origin", origin: "null", refusal: 403),
        Case(
            testDescription: "a page that a browser says is another",
            origin: own,
            fetchSite: "same-site",
            refusal: 403
        ),
        Case(
            testDescription: "a rebound page that is its own origin",
            host: "evil.example:8044",
            origin: "http://evil.example:8044",
            fetchSite: "same-origin",
            refusal: 421
        ),
        Case(testDescription: "exposed: health", isExposed: true, path: "/health", isChange: false, caller: .reader),
        Case(testDescription: "exposed: the page", isExposed: true, path: "/", isChange: false, caller: .reader),
        Case(testDescription: "exposed: jobs", isExposed: true, isChange: false, refusal: 401),
        Case(
            testDescription: "exposed: jobs with the token",
            isExposed: true,
            isChange: false,
            authorization: bearer,
            caller: .tokenHolder
        ),
        Case(testDescription: "exposed: our own page changes", isExposed: true, origin: own, refusal: 401),
    ]

    @Test("A caller may do what its facts allow", arguments: cases)
    func decision(_ row: Case) {
        let gate = RequestGuard(isExposed: row.isExposed, hosts: ["media.example"], token: Self.token)
        let facts = RequestGuard.Facts(
            path: row.path,
            isChange: row.isChange,
            host: row.host,
            origin: row.origin,
            fetchSite: row.fetchSite,
            authorization: row.authorization
        )
        do throws(Problem) {
            let caller = try gate.check(facts)
            #expect(caller == row.caller)
        } catch {
            #expect(error.status == row.refusal)
            #expect(error.detail?.contains("a token of") == false)
        }
    }

    @Test("Random tokens are long and differ")
    func random() {
        let (first, second) = (APIToken.random(), APIToken.random())
        #expect(first.text.count == 64)
        #expect(!first.matches(second.text) && first.matches(first.text))
    }
}
