import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// A worker that stands still with a job at its hands, as one that is stopped, swapped out or on a frozen disk does.
/// The broker frees its message by heartbeat; its lease is free once the supervisor has ended it.
@Suite("A stopped worker", .serialized, .ownNode())
struct StoppedWorkerTests {
    struct Place: Sendable, CustomTestStringConvertible {
        var stage: Stage
        var point: CrashPoint
        var testDescription: String { "\(stage.rawValue) at \(point.rawValue)" }

        init(_ stage: Stage, _ point: CrashPoint) { (self.stage, self.point) = (stage, point) }
    }

    private static let job = "frozen"
    private static let twoEach = Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }
        .joined(separator: ",")

    private static func with(
        _ settings: [String: String],
        heartbeat: Int?,
        _ body: (TestTree, TestNode) async throws -> Void
    ) async throws {
        let node = try TestNode.current
        var all = ["WORKERS": twoEach, "LOG_LEVEL": "debug"]
        if let heartbeat { all["RABBITMQ_URL"] = node.url + "/?heartbeat=\(heartbeat)" }
        try await TestTree.with(all.merging(settings) { $1 }, broker: node.url, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await tree.running { try await body(tree, node) }
        }
    }

    /// Submits the job, holds it at the place, stops the worker that has it there, and lets go of the hold, which the
    /// stopped worker does not learn before it wakes up.
    private static func stop(_ tree: TestTree, at place: Place) async throws -> (processID: pid_t, name: String) {
        let order = CrashOrder(
            process: "stage-\(place.stage.rawValue)",
            point: place.point,
            crossing: 1,
            number: 1,
            effect: .hold
        )
        try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
        try await tree.submit(.image, id: job, source: "photo.jpg")
        try await eventually("the job is held at \(place.testDescription)") {
            FileManager.default.fileExists(atPath: tree.directory + "/crash.held")
        }
        var found: (processID: pid_t, name: String)?
        try await eventually("the worker is known") {
            found = try await Self.worker(tree, place.stage)
            return found != nil
        }
        let worker = try #require(found)
        #expect(kill(worker.processID, SIGSTOP) == 0)
        try FileManager.default.removeItem(atPath: tree.directory + "/crash")
        return worker
    }

    /// The worker of a stage that has the job.
    private static func worker(_ tree: TestTree, _ stage: Stage) async throws -> (processID: pid_t, name: String)? {
        let pools = try await tree.get("/info")?.body.objectValue?["stages"]?.arrayValue ?? []
        let pool = pools.first { $0.objectValue?["name"]?.stringValue == "\(stage.rawValue).image" }
        for process in pool?.objectValue?["processes"]?.arrayValue ?? [] {
            guard let facts = process.objectValue, facts["job"]?.stringValue == job,
                let id = facts["pid"]?.clampedInteger, let name = facts["name"]?.stringValue
            else { continue }
            return (pid_t(id), name)
        }
        return nil
    }

    private static func consumers(_ node: TestNode, _ queue: String) async throws -> Int? {
        let table = try await node.control("list_queues", "--silent", "name", "consumers")
        let line = table.split(separator: "\n").first { $0.hasPrefix(queue + "\t") }
        return line?.split(separator: "\t").last.flatMap { Int($0) }
    }

    private static func expectDoneOnce(_ tree: TestTree) async throws {
        let updates = try await tree.updates(.image, untilTheEndOf: [job])
        #expect(updates.filter { $0["status"] != "processing" }.map { $0["status"]?.stringValue } == ["completed"])
        let progress = updates.compactMap { $0["progress"]?.clampedInteger }
        #expect(progress == progress.sorted())
        try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        let made = try FileManager.default.subpathsOfDirectory(atPath: tree.store)
        #expect(made.count { $0.contains("media-\(job)_") } == 4)
        try await eventually("every message is gone", within: .seconds(120)) {
            for stage in Stage.allCases {
                let queues =
                    [tree.names.work(.image, stage)]
                    + QueueNames.retryDelaysMilliseconds.map {
                        tree.names.retry(.image, stage, delayMilliseconds: $0)
                    }
                for queue in queues where try await tree.client.messageCount(queue: queue) ?? 0 > 0 { return false }
            }
            return true
        }
        // Nothing came after the end.
        #expect(try await tree.client.messageCount(queue: tree.names.updates(.image)) == 0)
        try await tree.waitUntilHealthy()
    }

    private static func lines(_ tree: TestTree, _ text: String) -> [Substring] {
        tree.log.split(separator: "\n").filter { $0.contains(text) }
    }

    /// The supervisor's own watch is off: the broker alone frees the message, and the lease stays with the sleeper.
    @Test(
        "loses its message, and its late result does no harm when it wakes up",
        arguments: [
            Place(.download, .pieceWritten), Place(.process, .outputBegun), Place(.process, .handOverConfirmed),
            Place(.upload, .objectWritten), Place(.upload, .handOverRecorded), Place(.cleanup, .entryRemoved),
            Place(.cleanup, .endRecorded),
        ]
    )
    func wakesUp(place: Place) async throws {
        let settings = ["HEARTBEAT_TIMEOUT_SECONDS": "3600", "STALL_SECONDS": "0"]
        try await Self.with(settings, heartbeat: 1) { tree, node in
            let queue = tree.names.work(.image, place.stage)
            let worker = try await Self.stop(tree, at: place)
            try await eventually("the broker gave up the sleeper's connection", within: .seconds(120)) {
                try await Self.consumers(node, queue) == 1
            }
            if place.point == .outputBegun || place.point == .entryRemoved {
                // Another worker has the message, and finds that it can do nothing.
                let text = place.stage == .cleanup ? "another worker cleans the job up" : "another worker holds the job"
                try await eventually(text, within: .seconds(120)) { !Self.lines(tree, text).isEmpty }
                #expect(!Self.lines(tree, text).contains { $0.contains(" \(worker.name): ") })
            }
            #expect(kill(worker.processID, SIGCONT) == 0)
            try await Self.expectDoneOnce(tree)
            #expect(try await tree.restarts() == 0)
            #expect(Self.lines(tree, ": process starts").count == 1)
            try await eventually("the sleeper consumes again", within: .seconds(120)) {
                try await Self.consumers(node, queue) == 2
            }
        }
    }

    /// By then the message that the broker freed has become a watch ticket.
    @Test("that dies long after its message was freed leaves its job to another")
    func dies() async throws {
        let settings = ["HEARTBEAT_TIMEOUT_SECONDS": "3600", "STALL_SECONDS": "0"]
        try await Self.with(settings, heartbeat: 1) { tree, _ in
            let worker = try await Self.stop(tree, at: Place(.process, .outputBegun))
            try await eventually("another worker has met the lease", within: .seconds(120)) {
                !Self.lines(tree, "another worker holds the job").isEmpty
            }
            #expect(kill(worker.processID, SIGKILL) == 0)
            try await Self.expectDoneOnce(tree)
            // The other worker may be done before the successor is started.
            try await eventually("the sleeper has a successor, and nobody else") { try await tree.restarts() == 1 }
            #expect(Self.lines(tree, ": process starts").map { $0.contains("job.starts=2") } == [false, true])
        }
    }

    @Test("is ended by the supervisor with the settings as they are by default, and another does its job")
    func isEnded() async throws {
        try await Self.with([:], heartbeat: nil) { tree, _ in
            let worker = try await Self.stop(tree, at: Place(.process, .outputBegun))
            let began = ContinuousClock.now
            try await eventually("processing starts again", within: .seconds(180)) {
                Self.lines(tree, ": process starts").count == 2
            }
            print("a stopped worker's job started again after \(ContinuousClock.now - began)")
            try await Self.expectDoneOnce(tree)
            // The other worker may be done before the successor is started.
            try await eventually("the sleeper has a successor, and nobody else") { try await tree.restarts() == 1 }
            let starts = Self.lines(tree, ": process starts")
            #expect(starts.first?.contains(" \(worker.name): ") == true)
            #expect(starts.last?.contains("job.starts=2") == true)
        }
    }
}
