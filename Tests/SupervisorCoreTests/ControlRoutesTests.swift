import JobModel
import ServiceKit
import TempFiles
import Testing

@testable import SupervisorCore

@Suite(.timeLimit(.minutes(10)))
struct ControlRoutesTests {
    private let tree = FakeTree()
    private let token = ["Authorization": "Bearer \(FakeTree.token.text)"]
    private static let job = #"{"id":"a/b","mediaId":"m","mediaType":"VIDEO","s3Key":"k","hop":7,"note":"kept"}"#

    @Test("A submitted job is accepted, with its place, and begins at the beginning whatever its message claims")
    func submit() async throws {
        try await tree.serving { port in
            let answer = try await RawHTTP(port: port).send("POST", "/jobs", token, body: Self.job)
            #expect(answer.status == 202)
            #expect(answer.headers["location"] == "/jobs/video/a%2Fb")
            guard case .submit(let ticket) = tree.orders.first else {
                return #expect(Bool(false), "nothing was submitted")
            }
            #expect(ticket.key == JobKey(kind: .video, id: "a/b") && ticket.sourceKey == "k" && ticket.hop == 0)
            #expect(ticket.unknown == ["note": "kept"] && ticket.phase == .downloading)
        }
    }

    @Test("A job without an id gets one")
    func newID() async throws {
        try await tree.serving { port in
            let body = #"{"mediaId":"m","mediaType":"IMAGE","s3Key":"k"}"#
            let answer = try await RawHTTP(port: port).send("POST", "/jobs", token, body: body)
            let reference = try JSONText.decode(JobReference.self, from: answer.body)
            #expect(reference.kind == .image && reference.id.count == 36)
        }
    }

    @Test("A job whose id is known is refused, and so is one when the broker is away")
    func refused() async throws {
        let key = JobKey(kind: .video, id: "a/b")
        tree.change { $0.jobs[key] = [RenderingTests.view(key.id, progress: 7)] }
        try await tree.serving { port in
            let known = try await RawHTTP(port: port).send("POST", "/jobs", token, body: Self.job)
            #expect(known.status == 409)
            tree.change {
                $0.jobs = [:]
                $0.isBrokerAway = true
            }
            let away = try await RawHTTP(port: port).send("POST", "/jobs", token, body: Self.job)
            #expect(away.status == 503 && away.problem?.title == "The broker cannot be reached")
        }
    }

    @Test("A page may not name a file of this machine, whoever reads them for it")
    func fileSource() async throws {
        let body = #"{"mediaId":"m","mediaType":"IMAGE","source":"FILE:///etc/shadow"}"#
        try await tree.serving { port in
            let page = ["Origin": "http://127.0.0.1:\(port)"]
            let file = try await RawHTTP(port: port).send("POST", "/jobs", page, body: body)
            #expect(file.status == 401)
            let key = try await RawHTTP(port: port).send("POST", "/jobs", page, body: Self.job)
            #expect(key.status == 202)
            let withToken = try await RawHTTP(port: port).send("POST", "/jobs", token, body: body)
            #expect(withToken.status == 202)
        }
    }

    struct Case: Sendable {
        var method = "POST"
        var path: String
        var body: String?
        var order: FakeTree.Order
    }

    @Test(
        "What a caller orders is done",
        arguments: [
            Case(method: "DELETE", path: "/jobs/image/x%20y", order: .cancel(JobKey(kind: .image, id: "x y"))),
            Case(path: "/orphans/clean", order: .cleanOrphans),
            Case(
                path: "/pools/process.video/scale",
                body: #"{"workers":4}"#,
                order: .scale(PoolName(stage: .process, kind: .video), 4)
            ),
            Case(
                path: "/pools/cleanup.image/restart",
                body: #"{"rolling":true}"#,
                order: .restart(PoolName(stage: .cleanup, kind: .image), isRolling: true)
            ),
            Case(
                path: "/pools/cleanup.image/restart",
                body: "{}",
                order: .restart(PoolName(stage: .cleanup, kind: .image), isRolling: false)
            ),
            Case(path: "/dead/redrive", body: #"{"id":"j"}"#, order: .redrive(.id("j"))),
            Case(
                path: "/dead/redrive",
                body: #"{"id":"j","kind":"image"}"#,
                order: .redrive(.job(JobKey(kind: .image, id: "j")))
            ),
            Case(path: "/dead/redrive", body: #"{"reason":"r"}"#, order: .redrive(.reason("r"))),
            Case(path: "/dead/redrive", body: #"{"all":true}"#, order: .redrive(.all)),
        ]
    )
    func order(_ row: Case) async throws {
        try await tree.serving { port in
            let answer = try await RawHTTP(port: port).send(row.method, row.path, token, body: row.body)
            #expect((200...202).contains(answer.status))
            #expect(tree.orders == [row.order])
        }
    }

    @Test(
        "An order that is not right changes nothing and is a problem document",
        arguments: [
            ("/pools/packing.video/scale", #"{"workers":1}"#, 404),
            ("/pools/process.video/scale", #"{"workers":65}"#, 400),
            ("/pools/process.video/scale", #"{"workers":-1}"#, 400),
            ("/pools/process.video/scale", #"{"workers":"2"}"#, 400), ("/pools/process.video/scale", "[]", 400),
            ("/pools/process.video/scale", "{", 400), ("/pools/process.video/restart", #"{"rolling":1}"#, 400),
            ("/dead/redrive", "{}", 400), ("/dead/redrive", #"{"all":false}"#, 400),
            ("/dead/redrive", #"{"id":"a","kind":"audio"}"#, 400), ("/dead/redrive", #"{"kind":"video"}"#, 400),
            ("/dead/redrive", #"{"id":"a","all":true}"#, 400), ("/jobs", #"{"mediaType":"VIDEO"}"#, 400),
            ("/jobs", #"{"mediaId":"m","mediaType":"AUDIO","s3Key":"k"}"#, 400),
            ("/jobs", #"{"mediaId":"m","mediaType":"VIDEO"}"#, 400),
            ("/jobs", #"{"mediaId":"\#(String(repeating: "x", count: 2 << 20))"}"#, 413),
        ]
    )
    func wrong(path: String, body: String, status: Int) async throws {
        try await tree.serving { port in
            let answer = try await RawHTTP(port: port).send("POST", path, token, body: body)
            #expect(answer.status == status && answer.problem?.status == status)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(tree.orders == [])
        }
    }

    @Test("A form of another page cannot be posted, nor anything without the token")
    func otherPages() async throws {
        try await tree.serving { port in
            let http = RawHTTP(port: port)
            let evil = try await http.send("POST", "/orphans/clean", ["Origin": "http://evil.example"])
            #expect(evil.status == 403 && evil.problem?.status == 403)
            let nobody = try await http.send("POST", "/orphans/clean")
            #expect(nobody.status == 401 && nobody.headers["www-authenticate"] == "Bearer")
            let form =
                "POST /dead/redrive HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nOrigin: http://127.0.0.1:\(port)\r\n"
                + "Connection: close\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n{\"all\":true}"
            let posted = try await http.send(form)
            #expect(posted.status == 415)
            let rebound = try await http.send("GET", "/jobs", host: "evil.example")
            #expect(rebound.status == 421)
            #expect(tree.orders == [])
        }
    }

    @Test("A job id that jobs of both kinds have needs its kind")
    func ambiguous() async throws {
        tree.change { $0.jobs[JobKey(kind: .video, id: "x")] = [RenderingTests.view("x", progress: 7)] }
        try await tree.serving { port in
            let http = RawHTTP(port: port)
            let only = try await http.send("GET", "/jobs/x")
            #expect(only.status == 200)
            tree.change { $0.jobs[JobKey(kind: .image, id: "x")] = [RenderingTests.view("x", progress: 7)] }
            let both = try await http.send("GET", "/jobs/x")
            #expect(both.status == 409)
            let deleted = try await http.send("DELETE", "/jobs/x", token)
            #expect(deleted.status == 409)
            let named = try await http.send("GET", "/jobs/video/x")
            #expect(named.status == 200)
        }
    }

    @Test("The query of a list reaches the ledger")
    func query() async throws {
        try await tree.serving { port in
            _ = try await RawHTTP(port: port).send("GET", "/jobs?state=failed&kind=image&stage=upload&cursor=9&limit=3")
            let query = try #require(tree.queries.first)
            let filter = JobFilter(state: .finished, outcome: .failed, kind: .image, stage: .upload)
            #expect(query.filter == filter && query.cursor == 9 && query.limit == 3)
        }
    }
}
