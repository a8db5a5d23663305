import Foundation
import JobModel
import Queues
import Settings
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("Arguments of commands")
struct CommandArgumentTests {
    @Test(
        "A job is named by its id alone or with its kind",
        arguments: [
            ("job-1", MediaKind?.none, MediaKind?.none, "job-1", "/jobs/job-1"),
            ("video/job-1", nil, .video, "job-1", "/jobs/video/job-1"),
            ("image/a/b c", nil, .image, "a/b c", "/jobs/image/a%2Fb%20c"),
            ("audio/x", nil, nil, "audio/x", "/jobs/audio%2Fx"),
            ("video", nil, nil, "video", "/jobs/video"),
            ("video/x", .image, .image, "video/x", "/jobs/image/video%2Fx"),
        ]
    )
    func job(text: String, given: MediaKind?, kind: MediaKind?, id: String, path: String) throws {
        let job = try JobArgument(text, kind: given)
        #expect(job.kind == kind && job.id == ByteText(id) && job.path == path)
    }

    @Test("What cannot be a job's id is refused", arguments: ["", "video/", String(repeating: "x", count: 129)])
    func noJob(text: String) {
        #expect(throws: UsageProblem.self) { try JobArgument(text) }
    }

    @Test("A stage names the pools of both kinds")
    func pools() throws {
        #expect(try PoolArgument.pools("process.video").map(\.description) == ["process.video"])
        #expect(try PoolArgument.pools("upload").map(\.description) == ["upload.video", "upload.image"])
        let counts = try PoolArgument.counts("cleanup=3")
        #expect(
            counts.map(\.pool.description) == ["cleanup.video", "cleanup.image"] && counts.map(\.workers) == [3, 3]
        )
        for text in ["packing", "process.audio", "", "process.video.1"] {
            #expect(throws: UsageProblem.self) { try PoolArgument.pools(text) }
        }
        for text in ["process.video", "process.video=", "process.video=65", "process.video=-1", "=1", "upload=1=2"] {
            #expect(throws: UsageProblem.self) { try PoolArgument.counts(text) }
        }
    }

    @Test("The query of a list has what was asked for, encoded")
    func query() {
        let query = JobListQuery(kind: .image, stage: .upload, state: "failed")
        #expect(query.path(limit: 3, cursor: "9") == "/jobs?kind=image&stage=upload&state=failed&limit=3&cursor=9")
        let named = JobListQuery(mediaID: "a b", source: "file:///x?y=1&z")
        #expect(
            named.path(limit: 3, cursor: nil) == "/jobs?mediaId=a%20b&source=file%3A%2F%2F%2Fx%3Fy%3D1%26z&limit=3"
        )
        #expect(JobListQuery().path(limit: 50, cursor: nil) == "/jobs?limit=50")
    }

    @Test("The choice of dead letters is read as it was written")
    func selection() throws {
        let key = JobKey(kind: .image, id: "x")
        for selection in [DeadLetters.Selection.all, .id("x"), .job(key), .reason("r")] {
            #expect(try DeadLetters.Selection(selection.json) == selection)
        }
    }

    @Test("Things that were done one by one end with 0, 1 or 2")
    func exits() {
        #expect(CommandExit.of(done: 0, failed: 0) == .ok && CommandExit.of(done: 2, failed: 0) == .ok)
        #expect(CommandExit.of(done: 0, failed: 2) == .failed && CommandExit.of(done: 1, failed: 1) == .partial)
        let statuses = [
            400: CommandExit.usage, 401: .refused, 403: .refused, 404: .failed, 409: .failed, 421: .refused,
        ]
        for (status, exit) in statuses {
            #expect(CommandFailure.exit(for: Problem(title: "t", status: status)) == exit)
        }
        #expect(CommandFailure.exit(for: Problem(title: "t", status: 503)) == .unavailable)
    }

    @Test("Without a run file the settings say where the supervisor is; an address of all is reached by loopback")
    func place() throws {
        let directory = try ScratchDirectory.make("place")
        func find(_ changes: [String: String]) throws -> SupervisorPlace {
            let variables = ["STATE_DIR": directory, "API_TOKEN": "0123456789abcdef"].merging(changes) { $1 }
            return SupervisorPlace.find(try Settings.load(variables).settings)
        }
        #expect(try find([:]).host == "127.0.0.1" && find([:]).port == 8044)
        #expect(try find(["HTTP_ADDRESS": "0.0.0.0"]).host == "127.0.0.1")
        #expect(try find(["HTTP_ADDRESS": "::"]).host == "::1")
        let far = try find(["HTTP_ADDRESS": "10.1.2.3", "PORT": "81"])
        #expect(far.host == "10.1.2.3" && far.port == 81 && far.token == "0123456789abcdef" && !far.isFromRunFile)
        try RunFile(
            pid: getpid(),
            address: "127.0.0.2",
            port: 82,
            token: "its-own",
            brokerURL: "",
            startedAt: "",
            version: ""
        ).write(stateDirectory: directory)
        let near = try find(["HTTP_ADDRESS": "10.1.2.3", "PORT": "81"])
        #expect(near.host == "127.0.0.2" && near.port == 82 && near.token == "its-own" && near.isFromRunFile)
    }
}
