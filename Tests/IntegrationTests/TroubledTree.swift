import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// A tree with one worker for each stage of images, and a job that is held in mid-processing while the broker fails.
enum TroubledTree {
    static let job = "job"
    static let workers = Stage.allCases.map { "\($0.rawValue).image.1" }
    /// All that have a connection.
    static let processes = workers + ["supervisor"]

    static let settings = [
        "WORKERS": Stage.allCases.map { "\($0.rawValue).image=1,\($0.rawValue).video=0" }.joined(separator: ","),
        "LOG_LEVEL": "debug", "RECONNECT_MAX_SECONDS": "0.5",
    ]

    static func with(
        _ changes: [String: String] = [:],
        broker: String,
        starting: Bool = true,
        _ body: (TestTree) async throws -> Void
    ) async throws {
        try await TestTree.with(settings.merging(changes) { $1 }, broker: broker, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            if starting {
                try await tree.running { try await body(tree) }
            } else {
                try await body(tree)
            }
        }
    }

    /// Submits the job and returns once processing holds it.
    static func submitAndHold(_ tree: TestTree) async throws {
        let order = CrashOrder(process: "stage-process", point: .outputBegun, crossing: 1, number: 1, effect: .hold)
        try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
        try await tree.submit(.image, id: job, source: "photo.jpg")
        try await eventually("processing holds the job") {
            FileManager.default.fileExists(atPath: tree.directory + "/crash.held")
        }
    }

    static func release(_ tree: TestTree) throws {
        try FileManager.default.removeItem(atPath: tree.directory + "/crash")
    }

    /// Expects that the job was completed once and left nothing, that each of its stages started once, that no worker
    /// has died, and that the tree is healthy.
    static func expectDone(_ tree: TestTree) async throws {
        let updates = try await tree.updates(.image, untilTheEndOf: [job])
        #expect(updates.filter { $0["status"] != "processing" }.map { $0["status"]?.stringValue } == ["completed"])
        try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        let made = try FileManager.default.subpathsOfDirectory(atPath: tree.store)
        #expect(made.count { $0.contains("media-\(job)_") } == 4)
        try await tree.waitUntilHealthy()
        #expect(try await tree.restarts() == 0)
        let starts = lines(tree, ": process starts").map { $0.contains("job.starts=1") }
        #expect(starts == [true])
        for stage in Stage.allCases {
            // A worker whose queue was deleted makes it again after a moment, which may be longer than the job takes.
            try await eventually("the queue of \(stage) is there and empty") {
                try await tree.client.messageCount(queue: tree.names.work(.image, stage)) == 0
            }
        }
    }

    /// Lines of the log that an operator sees, which hold the text.
    static func lines(_ tree: TestTree, _ text: String, from process: String? = nil) -> [Substring] {
        tree.log.split(separator: "\n").filter { line in
            guard line.contains(text), !line.contains(" debug ") else { return false }
            return process.map { line.contains(" \($0): ") } ?? true
        }
    }

    /// Waits until each process with a connection has said so.
    static func awaitLine(_ tree: TestTree, _ text: String, of processes: [String] = processes) async throws {
        for process in processes {
            try await eventually("\(process) says: \(text)", within: .seconds(120)) {
                !lines(tree, text, from: process).isEmpty
            }
        }
    }

    /// Waits until each process has tried often to connect, and has said only once why that fails.
    static func expectOneLine(_ tree: TestTree, _ text: String) async throws {
        for process in processes {
            try await eventually("\(process) goes on trying", within: .seconds(180)) {
                tree.log.split(separator: "\n").count {
                    $0.contains(" \(process): No connection to the broker: ") && $0.contains(text)
                } >= 4
            }
            #expect(lines(tree, text, from: process).count == 1, "\(process)")
        }
    }

    /// Waits until `/health` names the problem and answers 503.
    static func awaitProblem(_ tree: TestTree, _ text: String) async throws {
        try await eventually("/health says: \(text)", within: .seconds(120)) {
            let health = try await tree.get("/health")
            let problems = health?.body.objectValue?["problems"]?.arrayValue ?? []
            return health?.status == 503 && problems.contains { $0.stringValue?.contains(text) == true }
        }
    }
}
