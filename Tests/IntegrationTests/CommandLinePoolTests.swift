import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@testable import SupervisorCore

/// Pools by the command line, and where it finds the supervisor.
@Suite("The command line's pools", .serialized, .timeLimit(.minutes(10)))
struct CommandLinePoolTests {
    private func workers(_ name: String, _ tree: TestTree) -> Set<pid_t> {
        Set(tree.workers().filter { $0.name == name }.map(\.processID))
    }

    @Test("are scaled up and down, and restarted one worker at a time")
    func pools() async throws {
        try await TestTree.with { tree in
            let one = workers("stage-upload", tree)
            #expect(one.count == 2)
            let up = try await tree.command("scale", "upload.video=3", "cleanup=2", "--wait", "--json")
            #expect(up.exit == .status(0), "\(up)")
            let pools = try up.document["pools"]?.arrayValue?.compactMap(\.objectValue) ?? []
            #expect(pools.map { $0["pool"] } == ["upload.video", "cleanup.video", "cleanup.image"])
            #expect(pools.map { $0["before"] } == [1, 1, 1] && pools.map { $0["ready"] } == [3, 2, 2])
            #expect(workers("stage-upload", tree).count == 4 && workers("stage-cleanup", tree).count == 4)

            let before = workers("stage-upload", tree)
            let rolling = try await tree.command("restart", "upload", "--rolling", "--wait")
            #expect(rolling.exit == .status(0), "\(rolling)")
            #expect(rolling.output == "upload.video: restarted, 3 ready\nupload.image: restarted, 1 ready\n")
            let after = workers("stage-upload", tree)
            #expect(after.count == 4 && after.isDisjoint(with: before))

            let plain = try await tree.command("restart", "upload.video", "upload.video", "--json", "--wait")
            let restarted = try plain.document["pools"]?.arrayValue?.compactMap(\.objectValue) ?? []
            #expect(restarted.map { $0["pool"] } == ["upload.video"])
            #expect(restarted.first?["rolling"] == false && restarted.first?["ready"] == 3)

            let down = try await tree.command("scale", "upload.video=0", "cleanup=1", "--wait")
            #expect(down.exit == .status(0), "\(down)")
            #expect(down.output.hasPrefix("upload.video: 3 → 0 workers, ready\n"))
            #expect(workers("stage-upload", tree).count == 1 && workers("stage-cleanup", tree).count == 2)

            let impatient = try await tree.command("scale", "process=2", "--timeout", "0")
            #expect(impatient.exit == .status(1), "\(impatient)")
            #expect("\(impatient)".contains("when the time is up; it goes on by itself"), "\(impatient)")
            let patient = try await tree.command("scale", "process=1", "--timeout", "120")
            #expect(patient.exit == .status(0) && workers("stage-process", tree).count == 2, "\(patient)")
            #expect(try await tree.command("restart", "process", "--timeout", "-1").exit == .status(64))
        }
    }

    @Test("that are to have no workers are listed with what waits for them, and health says so until they have one")
    func waiting() async throws {
        try await TestTree.with { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            #expect(try await tree.command("scale", "download.image=0", "--wait").exit == .status(0))
            #expect(try await tree.get("/health")?.body.objectValue?["status"] == "healthy")
            try await tree.submit(.image, id: "late", source: "photo.jpg")
            try await eventually("the message waits") {
                try await tree.client.messageCount(queue: tree.names.entry(.image)) == 1
            }
            let text = try await tree.command("status")
            let words = "1 message waits for download.image, which is to have no workers; "
            #expect(text.exit == .status(0) && text.output.contains("  problem: \(words)`supervisor scale "), "\(text)")
            #expect(text.output.contains("degraded"))
            let row = text.output.split(separator: "\n").first { $0.hasPrefix("download.image ") }
            #expect(row?.split(separator: " ").dropFirst() == ["0", "0", "1"], "\(text)")
            let pools = try await tree.command("status", "--json").document["pools"]?.arrayValue ?? []
            #expect(pools.count == 8)
            let queue = JSONValue.string(tree.names.entry(.image))
            #expect(
                pools.contains(["name": "download.image", "queue": queue, "waiting": 1, "wanted": 0, "ready": 0]),
                "\(pools)"
            )
            #expect(try await tree.command("scale", "download.image=1").exit == .status(0))
            #expect(try await tree.command("jobs", "image/late", "--watch").exit == .status(0))
            try await eventually("the tree is well") {
                try await tree.get("/health")?.body.objectValue?["status"] == "healthy"
            }
        }
    }

    @Test("of a supervisor elsewhere are reached by address, port and token")
    func elsewhere() async throws {
        let token = "a-token-of-the-tests"
        let port = "\(try FreePort.find())"
        let place = ["HTTP_ADDRESS": "127.0.0.2", "PORT": port, "API_TOKEN": token]
        try await TestTree.with(place, starting: false) { tree in
            let supervisor = try tree.start()
            do {
                try await elsewhere(tree, place, token)
            } catch {
                supervisor.send(SIGTERM)
                _ = await supervisor.wait()
                throw error
            }
            supervisor.send(SIGTERM)
            #expect(await supervisor.wait() == .status(0))
        }
    }

    private func elsewhere(_ tree: TestTree, _ place: [String: String], _ token: String) async throws {
        // By its run file first.
        try await eventually("it answers") {
            try await tree.command("status", changes: ["HTTP_ADDRESS": "127.0.0.1"]).exit == .status(0)
        }
        let far = place.merging(["STATE_DIR": tree.directory + "/elsewhere"]) { $1 }
        let scaled = try await tree.command("scale", "download.video=2", "--wait", changes: far)
        #expect(scaled.exit == .status(0), "\(scaled)")
        let wrong = far.merging(["API_TOKEN": token + "-not"]) { $1 }
        let refused = try await tree.command("scale", "download.video=1", changes: wrong)
        #expect(refused.exit == .status(77))
        let words =
            "the supervisor that answers on 127.0.0.2:\(place["PORT"] ?? "") is process \(tree.supervisorID ?? 0), "
            + "and there is no \(tree.directory)/elsewhere/supervisor.json; "
            + "set STATE_DIR to the directory that it has there"
        #expect(
            refused.errors.contains("refuses a call without its token; \(words), or API_TOKEN to its token"),
            "\(refused)"
        )
        // Without a broker nothing can be submitted there either.
        try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
        let photo = tree.sources + "/photo.jpg"
        let submitted = try await tree.command("submit", photo, changes: wrong.merging(["RABBITMQ_URL": ""]) { $1 })
        #expect(submitted.exit == .status(69) && submitted.errors == "Error: \(words)\n", "\(submitted)")
        // The lock tells of a supervisor that has no run file yet, or no more.
        let starting = tree.directory + "/starting"
        try FileManager.default.createDirectory(atPath: starting, withIntermediateDirectories: false)
        let held = try ProcessLock(starting + "/supervisor.lock")
        let free = ["STATE_DIR": starting, "PORT": "1", "RABBITMQ_URL": ""]
        for command in [["status"], ["cancel", "x"], ["submit", photo]] {
            let run = try await tree.command(command, changes: free)
            #expect(run.exit == .status(69))
            #expect(
                run.errors
                    == "Error: the supervisor is starting or ending (process \(getpid())); try again in a moment\n",
                "\(command) \(run)"
            )
        }
        withExtendedLifetime(held) {}
    }

    @Test("are another user's to look at, and not to change")
    func otherUser() async throws {
        let port = "\(try FreePort.find())"
        try await TestTree.with(["PORT": port]) { tree in
            // A directory that the user may enter, with the programs that the user may run.
            let directory = "/tmp/media-processor-test-commands-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            // A child makes the copy: a test beside this one could pass on a file that this process had open for
            // writing, and an executable that is open for writing cannot be run.
            let built = try BuiltExecutable.path("supervisor")
            try await ChildProcess.run("install", ["-m", "755", built, directory + "/supervisor"])
            #expect(chmod(directory, 0o755) == 0)
            func nobody(_ arguments: String...) async throws -> CommandLineRun {
                try await tree.shell(
                    #"exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@""#,
                    [directory + "/supervisor"] + arguments
                )
            }
            let seen = try await nobody("status")
            #expect(seen.exit == .status(0), "\(seen)")
            let refused = try await nobody("scale", "upload.video=2")
            #expect(refused.exit == .status(77))
            let file = "\(tree.directory)/state/supervisor.json"
            #expect(refused.errors.contains("run this command as the user that \(file) belongs to"), "\(refused)")
            // Neither "none runs" nor "another program": it belongs to somebody else, whether its directory can be read
            // or not.
            let taken = "127.0.0.1:\(port): it is taken by a program of user root (0), most likely the supervisor"
            for mode in [mode_t(0o700), 0o755] {
                #expect(chmod(tree.directory + "/state", mode) == 0)
                let doctor = try await nobody("doctor", "--json").document["findings"]?.arrayValue ?? []
                func finding(_ check: String) -> [ByteText: JSONValue]? {
                    doctor.compactMap(\.objectValue).first { $0["check"]?.stringValue == check }
                }
                let supervisor = finding("supervisor")
                #expect(supervisor?["verdict"] == "warning")
                #expect(supervisor?["message"]?.stringValue?.hasPrefix("\(file) belongs to user root (0), ") == true)
                #expect(finding("port")?["verdict"] == "warning")
                #expect(finding("port")?["message"]?.stringValue?.hasPrefix(taken) == true, "\(doctor)")
            }
        }
    }
}
