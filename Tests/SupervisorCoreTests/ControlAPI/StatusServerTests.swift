import Foundation
import JobModel
import Queues
import Settings
import Synchronization
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

@Suite(.timeLimit(.minutes(10)))
struct StatusServerTests {
    private let tree = FakeTree()

    private func serving(_ body: (SupervisorHTTP) async throws -> Void) async throws {
        try await tree.serving { try await body(SupervisorHTTP(port: $0, timeout: .seconds(60))) }
    }

    @Test("/health is 200 when healthy and 503 when not, with the same document")
    func health() async throws {
        try await serving { http in
            let well = try await http.get("/health")
            #expect(well.status == 200)
            #expect(try JSONValue(parsing: well.body).objectValue?["status"] == "healthy")
            tree.change { $0.facts.brokerProblem = "gone" }
            let ill = try await http.get("/health")
            #expect(ill.status == 503)
            let document = try JSONText.decode(HealthReport.self, from: ill.body)
            #expect(document.problems == ["the broker is away: gone"])
        }
    }

    @Test("it stops while clients come")
    func stopping() async throws {
        for _ in 1...20 {
            let clients = Mutex<Task<Void, Never>?>(nil)
            try await serving { http in
                let coming = Task {
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 1...8 {
                            group.addTask { while !Task.isCancelled, (try? await http.get("/health/live")) != nil {} }
                        }
                    }
                }
                clients.withLock { $0 = coming }
                try await Task.sleep(for: .milliseconds(20))
            }
            await clients.withLock { $0 }?.value
        }
    }

    @Test("A client that wants its connection closed is told that an answer is the last one on it")
    func lastAnswer() async throws {
        try await tree.serving { port in
            for (method, path, status) in [("GET", "/health/live", 200), ("GET", "/none", 404), ("PUT", "/jobs", 405)] {
                for option in ["close", "Close", "TE , CLOSE\t"] {
                    let connection = try RawConnection(port: port)
                    try connection.write(
                        "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: \(option)\r\n\r\n"
                    )
                    let answer = try await connection.read(until: "}")
                    #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
                    #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(option)")
                }
            }
            // Others keep theirs.
            for option in ["", "Connection: keep-alive\r\n", "Connection: closed\r\n"] {
                let connection = try RawConnection(port: port)
                for _ in 1...2 {
                    try connection.write("GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(option)\r\n")
                    let answer = try await connection.read(until: "}")
                    #expect(answer.hasPrefix("HTTP/1.1 200 ") && !answer.lowercased().contains("\r\nconnection:"))
                }
            }
        }
    }

    @Test("/info shows the stages and their processes")
    func info() async throws {
        try await serving { http in
            let info = try JSONText.decode(InfoReport.self, from: try await http.get("/info").body)
            #expect(info.stages.map(\.queue).contains("p.video.processing.processing"))
            #expect(info.stages.count == 8)
            #expect(info.stages.first?.processes.map(\.name) == ["download.video.1", "download.video.2"])
        }
    }

    @Test("/info tells processor time and memory of every process that is there, and of the supervisor")
    func usage() async throws {
        let own = try #require(ProcessTable.usage(of: getpid()))
        #expect(own.processorSeconds > 0)
        let proportional = try #require(own.proportionalBytes)
        #expect(proportional > 1 << 20)
        #expect(proportional <= ProcessTable.residentBytes(of: getpid()))
        #expect(ProcessTable.usage(of: 0) == nil)
        let snapshot = try #require(
            HealthReportTests.facts().pools.first { $0.workers.contains { $0.processID != nil } }
        )
        let used = ProcessUsage(residentBytes: 3, proportionalBytes: 2, processorSeconds: 1.5)
        for process in InfoReport.Pool(snapshot, queues: QueueNames(prefix: ""), usage: { _ in used }).processes {
            #expect(process.cpuSeconds == (process.pid == nil ? nil : 1.5))
            #expect(process.residentBytes == (process.pid == nil ? 0 : 3))
            #expect(process.proportionalBytes == (process.pid == nil ? nil : 2))
        }
    }

    struct Wrong: Sendable {
        var method: String
        var path: String
        var allowed: String
    }

    @Test(
        "A method that a path does not take is a 405 that names those it takes",
        arguments: [
            Wrong(method: "POST", path: "/health", allowed: "GET"),
            Wrong(method: "DELETE", path: "/", allowed: "GET"),
            Wrong(method: "HEAD", path: "/metrics", allowed: "GET"),
            Wrong(method: "PUT", path: "/jobs", allowed: "GET, POST"),
            Wrong(method: "POST", path: "/jobs/video/x?y=z", allowed: "DELETE, GET"),
            Wrong(method: "PATCH", path: "/jobs/x%2Fy", allowed: "DELETE, GET"),
            Wrong(method: "GET", path: "/pools/process.video/scale", allowed: "POST"),
            Wrong(method: "PURGE", path: "/info", allowed: "GET"),
        ]
    )
    func methods(_ row: Wrong) async throws {
        try await tree.serving { port in
            let answer = try await RawHTTP(port: port).send(row.method, row.path)
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == row.allowed)
            #expect(answer.headers["content-type"] == "application/problem+json")
            guard row.method != "HEAD" else { return }
            let problem = try #require(answer.problem)
            #expect(problem.allowedMethods?.joined(separator: ", ") == row.allowed)
            #expect(problem.detail?.contains(row.method) == true)
        }
    }

    @Test("What is not there stays a 404")
    func noSuchPath() async throws {
        try await tree.serving { port in
            for path in ["/jobs/video/x/y", "/healthy", "/pools/process.video"] {
                let answer = try await RawHTTP(port: port).send("GET", path)
                #expect(answer.status == 404)
            }
        }
        #expect(tree.orders.isEmpty)
    }

    @Test("A job is found by its percent-encoded id")
    func job() async throws {
        let key = JobKey(kind: .video, id: "a/b c?ü")
        tree.change { $0.jobs[key] = [RenderingTests.view(key.id, progress: 7)] }
        try await serving { http in
            let answer = try await http.get("/jobs/video/a%2Fb%20c%3F%C3%BC")
            #expect(answer.status == 200)
            #expect(try JSONText.decode(JobView.self, from: answer.body).progress == 7)
            #expect(try await RunningSupervisor(port: http.port).job(key)?.id == key.id)
            let list = try JSONText.decode(JobList.self, from: try await http.get("/jobs?limit=5").body)
            #expect(list.jobs.map(\.id) == [key.id])
        }
    }

    @Test(
        "What is not there or not right is a problem document",
        arguments: [
            ("/jobs/video/unknown", 404), ("/jobs/audio/x", 404), ("/jobs/video/%zz", 400), ("/nothing", 404),
            ("/jobs?limit=0", 400), ("/jobs?limit=many", 400), ("/jobs?state=gone", 400), ("/jobs?kind=audio", 400),
            ("/jobs?stage=packing", 400), ("/jobs?cursor=-1", 400), ("/jobs?mediaId=", 400), ("/jobs?source=", 400),
            ("/jobs?search=", 400),
            ("/jobs/unknown", 404), ("/dead?limit=-1", 400),
            ("/jobs/video/" + String(repeating: "x", count: 129), 400),
        ]
    )
    func problems(path: String, status: Int) async throws {
        try await serving { http in
            let answer = try await http.get(path)
            #expect(answer.status == status)
            let problem = try JSONText.decode(Problem.self, from: answer.body)
            #expect(problem.status == status)
            #expect(problem.detail?.isEmpty == false)
        }
    }

    @Test("A ledger that cannot be read is a 503")
    func brokenLedger() async throws {
        tree.change { $0.isLedgerBroken = true }
        try await serving { http in
            let answer = try await http.get("/jobs/video/x")
            #expect(answer.status == 503)
        }
    }

    @Test("Following jobs ends with their ends, and samples the temp files meanwhile")
    func follow() async throws {
        var submissions: [Submission] = []
        for (name, outcome) in [("a.mp4", JobOutcome.completed), ("b.mp4", .failed)] {
            let submission = try Submission("key:\(name)", options: .init(), workingDirectory: "/")
            submissions.append(submission)
            let id = submission.ticket.id
            tree.change {
                $0.jobs[submission.ticket.key] = [
                    RenderingTests.view(id, progress: 1),
                    RenderingTests.view(id, state: "finished", progress: 100, outcome: outcome),
                ]
            }
        }
        try await serving { http in
            let result = try await JobFollower(
                supervisor: RunningSupervisor(port: http.port),
                interval: .milliseconds(1)
            ).follow(submissions, before: TempFileSample(), display: ProgressDisplay(style: .nothing))
            #expect(result.jobs.map(\.outcome) == [.completed, .failed])
            #expect(result.tempFiles.peak.files == 2)
            let report = SubmitReport(submissions, result)
            try #require(report.jobs.map(\.source) == ["key:a.mp4", "key:b.mp4"])
            #expect(report.jobs[1].result?.outcome == .failed)
        }
    }

    @Test("A supervisor that is gone ends the waiting with an error")
    func gone() async throws {
        let submission = try Submission("key:a.mp4", options: .init(), workingDirectory: "/")
        let follower = JobFollower(
            supervisor: RunningSupervisor(port: Int(LoopbackPort.free())),
            interval: .milliseconds(1),
            patience: .milliseconds(20)
        )
        await #expect(throws: SupervisorHTTP.Failure.self) {
            try await follower.follow([submission], before: TempFileSample(), display: ProgressDisplay(style: .nothing))
        }
    }

    @Test("A port that is taken is an error")
    func portTaken() async throws {
        try await serving { http in
            let gate = RequestGuard(try Settings.from([:]), token: .random())
            let second = StatusServer(source: tree, control: tree, gate: gate, logger: TestBroker.logger)
            await #expect(throws: (any Error).self) { _ = try await second.start(port: http.port) }
        }
    }
}
