import AMQP
import Foundation
import Queues
import TestSupport
import Testing

@testable import JobModel

/// `docs/backend.md` is true: its programs run, its examples match real updates, and its tables match the source.
@Suite("The page for backends", .serialized, .timeLimit(.minutes(10)))
struct BackendDocumentTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func page() throws -> String {
        try String(contentsOfFile: root + "/docs/backend.md", encoding: .utf8)
    }

    /// The blocks of code in this language: the name of each, if it has one, and its text.
    private static func blocks(_ language: String) throws -> [(name: String, text: String)] {
        var blocks: [(name: String, text: String)] = []
        var open: (name: String, lines: [Substring], isWanted: Bool)?
        for line in try page().split(separator: "\n", omittingEmptySubsequences: false) {
            if let block = open {
                if line == "```" {
                    if block.isWanted { blocks.append((block.name, block.lines.joined(separator: "\n") + "\n")) }
                    open = nil
                } else {
                    open?.lines.append(line)
                }
            } else if line.hasPrefix("```") {
                let words = line.dropFirst(3).split(separator: " ")
                open = (String(words.dropFirst().first ?? ""), [], words.first.map(String.init) == language)
            }
        }
        return blocks
    }

    /// The words in code marks in the first cell of each row of the table after a line that begins with `start`.
    private static func names(after start: String) throws -> [String] {
        let lines = try page().split(separator: "\n").drop { !$0.hasPrefix(start) }.drop { !$0.hasPrefix("|") }
        let rows = lines.prefix { $0.hasPrefix("|") }.dropFirst(2)
        return rows.flatMap { row in
            (row.split(separator: "|").first ?? "").matches(of: /`([^`]+)`/).map { String($0.output.1) }
        }
    }

    // MARK: - Programs

    private static let token = "a-token-of-the-test-of-the-page"

    private static func withPrograms(_ body: (TestTree, Programs) async throws -> Void) async throws {
        try await TestTree.with(["API_TOKEN": token]) { tree in
            for name in ["uploads", "programs/node_modules"] {
                let parent = name == "uploads" ? tree.store : tree.directory
                try FileManager.default.createDirectory(
                    atPath: parent + "/" + name,
                    withIntermediateDirectories: true
                )
            }
            try await Samples.video(tree.store + "/uploads/clip.mp4", size: "640x360", seconds: 1)
            try await Samples.photo(tree.store + "/uploads/photo.jpg", size: "320x240")
            var environment = tree.environment
            environment["MEDIA_PROCESSOR_URL"] = try tree.httpAccess().url
            let programs = Programs(directory: tree.directory + "/programs", environment: environment)
            try FileManager.default.createSymbolicLink(
                atPath: programs.directory + "/node_modules/amqplib",
                withDestinationPath: root + "/Tests/Readers/amqplib"
            )
            for (name, text) in try ["python", "javascript", "sh"].flatMap(blocks) {
                try Data(text.utf8).write(to: URL(filePath: programs.directory + "/" + name))
            }
            try await body(tree, programs)
        }
    }

    private struct Programs {
        var directory: String
        var environment: [String: String]

        private static func interpreter(_ name: String) -> String {
            // Debian's own Python, which finds Debian's pika.
            name.hasSuffix(".py") ? "/usr/bin/python3" : name.hasSuffix(".mjs") ? "node" : "bash"
        }

        /// Runs a program to its end and returns the lines of its output.
        func run(_ name: String, _ arguments: String...) async throws -> [String] {
            let all = [directory + "/" + name] + arguments
            let said = try await ChildProcess.run(Self.interpreter(name), all, environment: environment)
            return said.split(separator: "\n").map(String.init)
        }

        func start(_ name: String) throws -> (process: ChildProcess, output: String) {
            let output = directory + "/\(name).output"
            let process = try ChildProcess(
                "/usr/bin/env",
                [Self.interpreter(name), directory + "/" + name],
                environment: environment,
                output: output
            )
            return (process, output)
        }
    }

    private static func lines(_ file: String) -> [String] {
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    @Test("has producers and consumers that work together as they stand there", arguments: ["py", "mjs"])
    func programs(language: String) async throws {
        try await Self.withPrograms { tree, programs in
            let consumer = try programs.start("consumer.\(language)")
            defer { consumer.process.send(SIGKILL) }
            func said(_ line: String) async throws {
                try await eventually("`\(line)` in \(Self.lines(consumer.output))", within: .seconds(120)) {
                    Self.lines(consumer.output).contains { $0.hasPrefix(line) }
                }
            }
            let producer = "producer.\(language)"
            for (kind, key) in [("video", "uploads/clip.mp4"), ("image", "uploads/photo.jpg")] {
                let id = try #require(try await programs.run(producer, kind, "m-\(kind)", key).first)
                try await said("\(id) completed - [")
                let end = try #require(Self.lines(consumer.output).last { $0.hasPrefix(id) })
                #expect(end.contains("\(kind)s/m-\(kind)_"), "\(end)")
                // Said again it is the same job. Another with its id is refused.
                #expect(try await programs.run(producer, kind, "m-\(kind)", key, id) == [id])
                _ = try await programs.run(producer, kind, "m-other", key, id)
                try await said("\(id) refused used_id: a message of job \(id) was refused: ")
                let failing = try #require(try await programs.run(producer, kind, "m-none", "uploads/none").first)
                try await said("\(failing) failed object_not_found []")
                #expect(Self.lines(consumer.output).count { $0.hasPrefix("\(id) completed") } == 1)
            }
            // It goes on when its queues are deleted, which the broker tells it.
            for kind in MediaKind.allCases { try await tree.client.delete(queue: tree.names.updates(kind)) }
            let id = try #require(try await programs.run(producer, "image", "m-again", "uploads/photo.jpg").first)
            try await said("\(id) completed - [")
            consumer.process.send(SIGTERM)
            _ = await consumer.process.wait()
            // Every update was acknowledged except the one that it was handling.
            #expect(try await tree.client.messageCount(queue: tree.names.updates(.video)) ?? 0 == 0)
        }
    }

    @Test("has commands and a client by HTTP that work as they stand there")
    func others() async throws {
        try await Self.withPrograms { tree, programs in
            #expect(try await programs.run("publish.sh") == [])
            #expect(try await tree.updates(.image, untilTheEndOf: ["job-1"]).last?["status"] == "completed")
            let said = try await programs.run("submit.mjs", "image", "m-http", "uploads/photo.jpg")
            let line = said.joined(separator: " ")
            #expect(line.contains(" completed - ") && line.contains("images/m-http_180p.jpg"), "\(line)")
            await #expect(throws: ChildProcess.Failure.self) {
                _ = try await programs.run("submit.mjs", "image", "", "uploads/photo.jpg")
            }
        }
    }

    // MARK: - Examples

    /// Names and types, all the way down.
    private static func shape(_ value: JSONValue) -> String {
        switch value {
        case .object(let fields):
            "{" + fields.map { "\($0.key): \(shape($0.value))" }.sorted().joined(separator: ", ") + "}"
        case .array(let elements): "[" + Set(elements.map(shape)).sorted().joined(separator: " | ") + "]"
        default: value.typeName
        }
    }

    /// One update of each end, and one of a refusal, by kind and status.
    private static func ends(_ tree: TestTree) async throws -> [String: [UInt8]] {
        try await Samples.video(tree.sources + "/clip.mp4", size: "1280x720", seconds: 1)
        try await Samples.photo(tree.sources + "/photo.jpg")
        func send(_ kind: MediaKind, _ id: String, _ fields: [ByteText: JSONValue]) async throws {
            let own: [ByteText: JSONValue] = [
                "id": .string(id), "mediaId": "m-1", "userId": "u-1", "mediaType": .string(kind.mediaType),
            ]
            try await tree.publish(.object(own.merging(fields) { $1 }), to: tree.names.entry(kind))
        }
        var found: [String: [UInt8]] = [:]
        let wanted: Set = ["video completed", "image completed", "video failed", "video cancelled", "image refused"]
        try await tree.order("DELETE", "/jobs/video/job-3")
        try await send(.video, "job-1", ["source": .string("file://\(tree.sources)/clip.mp4")])
        try await send(.image, "job-1", ["source": .string("file://\(tree.sources)/photo.jpg")])
        try await send(.video, "job-2", ["s3Key": "uploads/none.mp4"])
        try await send(.video, "job-3", ["s3Key": "uploads/clip.mp4"])
        try await eventually("all have ended", within: .seconds(120)) {
            for kind in MediaKind.allCases {
                for delivery in try await tree.drain(tree.names.updates(kind)) {
                    let update = try JSONValue(parsing: delivery.body).objectValue
                    let status = update?["refused"] == true ? "refused" : update?["status"]?.stringValue ?? ""
                    if status != "processing" { found["\(kind) \(status)"] = delivery.body }
                }
            }
            // Once the job with this id is over.
            if found["image completed"] != nil, found["image refused"] == nil {
                try await send(.image, "job-1", ["s3Key": "uploads/other.jpg"])
                try await eventually("it is refused") {
                    try await tree.client.messageCount(queue: tree.names.updates(.image)) == 1
                }
            }
            return Set(found.keys) == wanted
        }
        return found
    }

    @Test("has an example of each end with the fields and types that come, and a table of all of them")
    func examples() async throws {
        let examples = try Self.blocks("json")
        #expect(examples.count == 5)
        try await TestTree.with { tree in
            var names: Set<String> = []
            for (end, body) in try await Self.ends(tree).sorted(by: { $0.key < $1.key }) {
                let text = String(decoding: body, as: UTF8.self)
                let example = try #require(
                    examples.first { $0.name == end.replacing(" ", with: "-") },
                    "\(end): \(text)"
                )
                let update = try JSONValue(parsing: body)
                let shown = try JSONValue(parsing: example.text.utf8)
                #expect(Self.shape(shown) == Self.shape(update), "\(end): \(text)")
                for name in ["type", "status", "progress", "current_step", "stage", "error_code", "refused"] {
                    #expect(shown.objectValue?[ByteText(name)] == update.objectValue?[ByteText(name)], "\(end) \(name)")
                }
                names.formUnion(update.objectValue?.keys.map(\.string) ?? [])
            }
            // Seldom there.
            names.insert("warnings")
            #expect(Set(try Self.names(after: "### Fields of an update")) == names)
        }
    }

    // MARK: - Tables

    @Test("names every field of a job, in the table or among those of the stages, and the HTTP document has the same")
    func fields() async throws {
        let page = try Self.page()
        let table = Set(try Self.names(after: "### Fields of a job"))
        let start = try #require(page.range(of: "Leave out what stages tell each other:"))
        let end = try #require(page[start.upperBound...].range(of: "."))
        let stages = Set(
            page[start.upperBound..<end.lowerBound].matches(of: /`([^`]+)`/).map { String($0.output.1) }
        )
        #expect(table.isDisjoint(with: stages))
        let known = Set(Ticket.fieldNames.map(\.string)).union(["progress_interval"])
        #expect(table.union(stages) == known)
        let file = Self.root + "/docs/openapi.json"
        let document = try JSONValue(parsing: try Data(contentsOf: URL(filePath: file))).objectValue
        let new = document?["components"]?.objectValue?["schemas"]?.objectValue?["NewJob"]?.objectValue
        #expect(Set(new?["properties"]?.objectValue?.keys.map(\.string) ?? []) == table)
    }

    @Test("names every field of the older service's requests, which all do what it says")
    func requestFields() throws {
        let request: [ByteText: JSONValue] = [
            "type": "video_processing_request", "job_id": "j", "media_id": "m", "user_id": "u", "s3_key": "k",
            "original_filename": "f", "request_thumbnails": false, "request_progress_updates": false,
            "progress_interval": 7, "timestamp": "t",
        ]
        let named = try Self.names(after: "To `….processing.requests`")
        #expect(Set(named) == Set(request.keys.map(\.string) + ["progressInterval"]))
        let ticket = try Ticket(parsing: JSONValue.object(request).serialized(), expecting: .video)
        var expected = Ticket(id: "j", mediaID: "m", kind: .video)
        expected.userID = "u"
        expected.sourceKey = "k"
        expected.originalFilename = "f"
        expected.createdAt = "t"
        expected.wantsThumbnails = false
        expected.wantsProgressUpdates = false
        expected.progressIntervalSeconds = 7
        #expect(ticket == expected)
    }

    /// The sources that make codes of failures and refusals.
    private static let sources = [
        "Shared/JobModel", "Shared/Queues", "Shared/Storage", "Shared/Media", "Shared/Images", "Shared/StageRuntime",
        "stage-download", "stage-process", "stage-upload", "stage-cleanup",
        "supervisor/SupervisorCore/Maintenance/AbandonedJobs",
    ]
    /// The ledger's codes reach no client: for a job they are all one, which the runtime names. Warnings are no
    /// failures.
    private static let otherCodes = ["/TempFileError.swift", "/ImageWarning.swift"]

    /// Work that was told to stop is no failure; the other is a warning.
    private static let noErrors: Set = ["cancelled", "temp_files_left"]

    @Test("names every code that a job can fail or a message be refused with, and no other")
    func codes() throws {
        var made: Set<String> = []
        for place in Self.sources {
            let path = Self.root + "/Sources/" + place
            let files =
                place.hasSuffix(".swift")
                ? [path] : try FileManager.default.subpathsOfDirectory(atPath: path).map { path + "/" + $0 }
            for file in files where file.hasSuffix(".swift") && !Self.otherCodes.contains(where: file.hasSuffix) {
                let text = try String(contentsOfFile: file, encoding: .utf8)
                made.formUnion(text.matches(of: /Code\(rawValue: "([a-z_]+)"\)/).map { String($0.output.1) })
                made.formUnion(text.matches(of: /\b\w*[cC]ode(?:: | = )"([a-z_]+)"/).map { String($0.output.1) })
                made.formUnion(text.matches(of: /static let noSpace = "([a-z_]+)"/).map { String($0.output.1) })
            }
        }
        #expect(made.count > 40)
        let named = try Self.names(after: "## Error codes")
        #expect(Set(named).count == named.count)
        #expect(Set(named) == made.subtracting(Self.noErrors))
    }
}
