import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("The log")
struct LogTests {
    private typealias Line = [ByteText: JSONValue]

    private static func lines(_ tree: TestTree) throws -> [Line] {
        try tree.log.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)).objectValue ?? [:] }
    }

    private static func of(_ job: String, _ lines: [Line]) -> [Line] {
        lines.filter { $0["job.id"]?.stringValue == job }
    }

    private static func texts(_ lines: [Line]) -> [String] { lines.compactMap { $0["message"]?.stringValue } }

    /// One job of four variants.
    private static func runJob(_ tree: TestTree) async throws -> [Line] {
        try await Samples.photo(tree.sources + "/photo.jpg")
        try await tree.submit(.image, id: "one", source: "photo.jpg")
        let updates = try await tree.updates(.image, untilTheEndOf: ["one"])
        #expect(updates.last?["status"] == "completed")
        try await eventually("the last line of the job is written") { tree.log.contains("cleanup is done") }
        return of("one", try lines(tree))
    }

    @Test("has a line for each operation on a temp file, one for each stage with figures, and numbers are numbers")
    func figures() async throws {
        try await TestTree.with(["LOG_FORMAT": "json"]) { tree in
            let job = try await Self.runJob(tree)
            for (text, count) in [
                // The source and four outputs.
                ("temp file planned", 5), ("temp file written", 5), ("cleanup: temp file removed", 5),
            ] {
                let told = job.filter { $0["message"]?.stringValue == text }
                #expect(told.count == count && told.allSatisfy { $0["level"] == "info" }, "\(text)")
            }
            let source = try FileManager.default.attributesOfItem(atPath: tree.sources + "/photo.jpg")[.size] as? Int64
            let made = try FileManager.default.contentsOfDirectory(atPath: tree.store + "/images").reduce(Int64(0)) {
                let file = try FileManager.default.attributesOfItem(atPath: "\(tree.store)/images/\($1)")
                return $0 + (file[.size] as? Int64 ?? 0)
            }
            let expected: [(stage: String, figures: [ByteText: Int64?])] = [
                ("download", ["input.count": 1, "input.bytes": source, "output.count": 1, "output.bytes": source]),
                ("process", ["input.count": 1, "input.bytes": source, "output.count": 4, "output.bytes": made]),
                ("upload", ["input.count": 4, "input.bytes": made, "output.count": 4, "output.bytes": made]),
                ("cleanup", ["file.count": 1]),
            ]
            for (stage, figures) in expected {
                let done = job.filter { $0["message"]?.stringValue == "\(stage) is done" }
                #expect(done.count == 1)
                for (key, value) in figures {
                    #expect(done.first?[key] == value.map { .integer($0) }, "\(stage): \(key)")
                }
                #expect(done.first?["duration.ms"]?.doubleValue != nil)
                if stage == "cleanup" { #expect((done.first?["file.bytes"]?.clampedInteger ?? 0) > 0) }
            }
            var numbers = 0
            for line in try Self.lines(tree) {
                for (key, value) in line where key != "process" {
                    let last = key.string.split(separator: ".").last ?? ""
                    guard
                        ["bytes", "count", "ms", "attempt", "limit", "hop", "starts"].contains(last)
                            || key == "process.id"
                    else { continue }
                    numbers += 1
                    #expect(value.stringValue == nil, "\(key): \(value)")
                }
            }
            #expect(numbers > 40)
            let ready = try Self.lines(tree).filter { $0["message"]?.stringValue == "all workers are ready" }
            #expect(ready.count == 1 && ready.first?["worker.count"]?.clampedInteger == 8)
        }
    }

    @Test("leaves single temp files to debug where that is wished, and still tells what was done with all of them")
    func summary() async throws {
        try await TestTree.with(["LOG_FORMAT": "json", "LOG_TEMP_FILES": "summary"]) { tree in
            let job = try await Self.runJob(tree)
            #expect(job.allSatisfy { $0["file.path"] == nil }, "\(Self.texts(job))")
            #expect((8...13).contains(job.count), "\(Self.texts(job))")
            #expect(job.contains { $0["message"]?.stringValue == "cleanup: the temp files of the job are removed" })
        }
        let settings = ["LOG_FORMAT": "json", "LOG_TEMP_FILES": "summary", "LOG_LEVEL": "debug"]
        try await TestTree.with(settings) { tree in
            let job = try await Self.runJob(tree)
            let removed = job.filter { $0["message"]?.stringValue == "cleanup: temp file removed" }
            #expect(removed.count == 5 && removed.allSatisfy { $0["level"] == "debug" })
        }
    }

    @Test("says at the start that the broker refuses the login")
    func refusedLogin() async throws {
        try await TestTree.with(starting: false) { tree in
            var url = try #require(URLComponents(string: tree.environment["RABBITMQ_URL"] ?? ""))
            url.password = "not-the-password"
            let supervisor = try tree.start(["RABBITMQ_URL": try #require(url.string)])
            try await eventually("the log says why") { tree.log.contains("the broker refuses the login") }
            #expect(!tree.log.contains("not-the-password") && !tree.log.contains("all workers are ready"))
            supervisor.send(SIGTERM)
            #expect(await supervisor.wait() == .status(0))
        }
    }

    @Test("and other tools tell a process' threads by their names: encoders are not called as who made them")
    func threads() async throws {
        let settings = ["CODEC_THREADS": "2", "VIDEO_PRESET": "medium", "VIDEO_ORIGINAL": "false"]
        try await TestTree.with(settings) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "1280x720", seconds: 8)
            try await tree.submit(.video, id: "threads", source: "clip.mp4")
            var names: [String] = []
            // Each rendition has a thread that feeds its encoder, and x264 has made its own.
            let encoders = ["x264 640x360", "x264 960x540", "x264 1280x720"]
            try await eventually("the video is encoded, by threads of these names") {
                guard let worker = try await tree.worker("process.video"), worker.job == "threads" else { return false }
                names = Self.threadNames(worker.processID)
                return encoders.allSatisfy { encoder in names.count { $0 == encoder } > 1 } && names.contains("scale")
            }
            #expect(names.count { $0 == "amqp" } <= 1, "\(names)")
            #expect(names.contains("decode") && names.contains("log"), "\(names)")
            let updates = try await tree.updates(.video, untilTheEndOf: ["threads"])
            #expect(updates.last?["status"] == "completed")
        }
    }

    private static func threadNames(_ process: pid_t) -> [String] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
        return tasks.compactMap { task in
            let name = try? String(contentsOfFile: "/proc/\(process)/task/\(task)/comm", encoding: .utf8)
            return name?.trimmingCharacters(in: .newlines)
        }
    }
}
