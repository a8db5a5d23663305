import AMQP
import JobModel
import Queues
import Settings
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
            guard case .submit(let job) = tree.orders.first else {
                return #expect(Bool(false), "nothing was submitted")
            }
            let ticket = job.ticket
            #expect(try Ticket(parsing: job.message.body, expecting: .video) == ticket)
            #expect(ticket.key == JobKey(kind: .video, id: "a/b") && ticket.sourceKey == "k" && ticket.hop == 0)
            #expect(ticket.unknown == ["note": "kept"] && ticket.phase == .downloading)
        }
    }

    @Test("A job that is only looked at is not taken, and its refusal has the code that it would fail with")
    func check() async throws {
        try await tree.serving { port in
            let http = RawHTTP(port: port)
            let good = try await http.send("POST", "/check", token, body: Self.job)
            #expect(good.status == 204 && good.body.isEmpty)
            guard case .check(let job) = tree.orders.first else {
                return #expect(Bool(false), "nothing was looked at")
            }
            #expect(job.ticket.key == JobKey(kind: .video, id: "a/b") && tree.orders.count == 1)
            tree.change { $0.refusal = Problem(title: "Unusable source", status: 422, code: "source_not_allowed") }
            let bad = try await http.send("POST", "/check", token, body: Self.job)
            #expect(bad.status == 422 && bad.problem?.code == "source_not_allowed")
            let unread = try await http.send("POST", "/check", token, body: #"{"mediaId":"m"}"#)
            #expect(unread.status == 400)
            let file = #"{"mediaId":"m","mediaType":"IMAGE","source":"file:///etc/shadow"}"#
            let page = ["Origin": "http://127.0.0.1:\(port)"]
            #expect(try await http.send("POST", "/check", page, body: file).status == 401)
            #expect(try await http.send("POST", "/check", body: Self.job).status == 401)
            #expect(tree.orders.count == 2)
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

    @Test(
        "What is accepted is read by a worker as the same job; what is not is refused with the worker's reason",
        arguments: [
            (#""id":"j""#, true), (#""id":"j","type":"video""#, true), (#""id":null"#, true),
            (#""type":"a_processing_request""#, nil), (#""id":"j","type":"a_processing_request""#, nil),
            (#""id":"j","type":"video_processing_request""#, true),
            (#""id":"j","type":"image_processing_request","job_id":"k","media_id":"m","s3_key":"k""#, true),
            (#""job_id":"k""#, false), (#""id":null,"job_id":"k""#, false), (#""id":"j","job_id":"k""#, true),
            (#""id":"j","id":"k""#, nil), (#""id":"\#(String(repeating: "x", count: 128))""#, true),
            (#""id":"\#(String(repeating: "x", count: 129))""#, false), (#""id":"""#, false), (#""id":7"#, false),
            (#""id":"\#(String(repeating: "\u{1F600}", count: 128))""#, true),
            (#""id":"j","message_id":"k","media_id":"n","hop":-1"#, false),
            (#""id":"j","message_id":"k","job":{"id":"z"},"tempFiles":[]"#, true),
        ]
    )
    func readBack(fields: String, isAccepted: Bool?) async throws {
        try await tree.serving { port in
            let body = #"{"mediaId":"m","mediaType":"VIDEO","s3Key":"k",\#(fields)}"#
            let answer = try await RawHTTP(port: port).send("POST", "/jobs", token, body: body)
            guard answer.status == 202 else {
                #expect(isAccepted != true)
                #expect(answer.status == 400 && answer.problem?.detail?.isEmpty == false)
                return #expect(tree.orders == [])
            }
            #expect(isAccepted != false)
            let reference = try JSONText.decode(JobReference.self, from: answer.body)
            guard case .submit(let job) = tree.orders.first else {
                return #expect(Bool(false), "nothing was submitted")
            }
            // The download stage reads it like this.
            let read = try Ticket(parsing: job.message.body, expecting: reference.kind)
            #expect(read == job.ticket && read.id == reference.id && read.hop == 0 && read.tempFiles == nil)
            #expect(job.message.messageID == nil || job.message.messageID == AMQPText(reference.id.string))
        }
    }

    @Test(
        "A file of this machine is one however its scheme is written",
        arguments: ["FILE:/x", "file:\u{301}///x", "fIle:"]
    )
    func fileSchemes(source: String) async throws {
        #expect(NewJob.isFile(source))
        #expect(!NewJob.isFile("files:" + source) && !NewJob.isFile("http://file:") && !NewJob.isFile(nil))
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
            Case(path: "/dead/discard", body: #"{"id":"j"}"#, order: .discard(.id("j"))),
            Case(path: "/dead/discard", body: #"{"reason":"r"}"#, order: .discard(.reason("r"))),
            Case(path: "/dead/discard", body: #"{"notJobs":true}"#, order: .discard(.notJobs)),
            Case(path: "/dead/discard", body: #"{"all":true}"#, order: .discard(.all)),
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
            ("/dead/redrive", #"{"all":true,"more":1}"#, 400), ("/dead/discard", #"{"all":true,"more":1}"#, 400),
            ("/dead/redrive", #"{"id":"a","all":true}"#, 400), ("/dead/redrive", #"{"notJobs":true}"#, 400),
            ("/dead/discard", "{}", 400), ("/dead/discard", #"{"all":false}"#, 400),
            ("/dead/discard", #"{"notJobs":1}"#, 400), ("/dead/discard", #"{"all":true,"notJobs":true}"#, 400),
            ("/dead/discard", #"{"reason":"r","notJobs":true}"#, 400), ("/jobs", #"{"mediaType":"VIDEO"}"#, 400),
            ("/jobs", #"{"mediaId":"m","mediaType":"AUDIO","s3Key":"k"}"#, 400),
            ("/jobs", #"{"mediaId":"m","mediaType":"VIDEO","s3Key":"k","priority":10}"#, 400),
            ("/jobs", #"{"mediaId":"m","mediaType":"VIDEO","s3Key":"k","priority":1.5}"#, 400),
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

    @Test("Behind a proxy nothing is changed or read without the token, but for the page and what monitoring reads")
    func proxied() async throws {
        try await tree.serving(settings: ["HTTP_HOSTS": "media.example"]) { port in
            let http = RawHTTP(port: port)
            let page = ["Origin": "https://media.example", "Sec-Fetch-Site": "same-origin"]
            let scale = "/pools/process.video/scale"
            let body = #"{"workers":0}"#
            let proxied = try await http.send("POST", scale, page, body: body, host: "media.example")
            #expect(proxied.status == 401)
            let local = try await http.send("POST", scale, ["Origin": "http://127.0.0.1:\(port)"], body: body)
            #expect(local.status == 401)
            #expect(tree.orders == [])
            for (path, status) in [("/", 200), ("/health", 200), ("/metrics", 200), ("/jobs", 401), ("/events", 401)] {
                let answer = try await http.send("GET", path, host: "media.example")
                #expect(answer.status == status, "\(path)")
            }
            let done = try await http.send("POST", scale, token, body: body, host: "media.example")
            #expect(done.status == 202)
        }
    }

    @Test("A header that says who asks may be there once")
    func twice() async throws {
        try await tree.serving { port in
            for header in ["Host: evil.example", "Origin: http://evil.example", "Authorization: Bearer x"] {
                let answer = try await RawHTTP(port: port).send(
                    "POST /orphans/clean HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nOrigin: http://127.0.0.1:\(port)\r\n"
                        + "Authorization: Bearer \(FakeTree.token.text)\r\n\(header)\r\nConnection: close\r\n"
                        + "Content-Length: 0\r\n\r\n"
                )
                #expect(answer.status == 400 && answer.problem?.status == 400, "\(header)")
            }
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
            _ = try await RawHTTP(port: port).send(
                "GET",
                "/jobs?mediaId=cafe%CC%81&source=file%3A%2F%2F%2Fa%26b&search=x%2By"
            )
            let named = JobFilter(mediaID: "cafe\u{301}", source: "file:///a&b", name: "x+y")
            #expect(tree.queries.last?.filter == named)
        }
    }
}
