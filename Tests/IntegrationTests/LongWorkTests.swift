import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

private enum LongWork {
    static let seconds = ProcessInfo.processInfo.environment["LONG_WORK_TEST_SECONDS"].flatMap { Int($0) }

    static var options: TestNode.Options {
        seconds == nil
            ? .init(
                configuration: ["consumer_timeout = 5000"],
                advanced: ["{rabbit, [{channel_tick_interval, 250}]}"]
            )
            : .init(configuration: ["consumer_timeout = 60000"])
    }
}

/// Jobs that take longer than the broker lets a consumer hold a delivery.
///
/// `LONG_WORK_TEST_SECONDS` is the length of the work, and gives the broker its own check of every 60 s and a limit of
/// 60 s. Without it, limits are as short as a broker allows, and the work takes until the broker would have intervened.
@Suite("Long work", .serialized, .ownNode(LongWork.options))
struct LongWorkTests {
    /// Holds a stage at a point of its work, and ends the process at another if there is one.
    private static func order(_ tree: TestTree, _ stage: Stage, thenKillAt point: CrashPoint? = nil) throws {
        let held: CrashPoint =
            switch stage {
            case .download: .pieceWritten
            case .process: .outputBegun
            case .upload: .objectWritten
            case .cleanup: .entryRemoved
            }
        let process = "stage-\(stage.rawValue)"
        var text = CrashOrder(process: process, point: held, crossing: 1, number: 1, effect: .hold).text
        if let point { text += CrashOrder(process: process, point: point, crossing: 1, number: 2).text }
        try Data(text.utf8).write(to: URL(filePath: tree.directory + "/crash"), options: .atomic)
    }

    private static func release(_ tree: TestTree) throws {
        try FileManager.default.removeItem(atPath: tree.directory + "/crash")
    }

    private static func with(
        _ settings: [String: String] = [:],
        _ body: (TestTree, TestNode) async throws -> Void
    ) async throws {
        let node = try TestNode.current
        let own = [
            "LONG_WORK_SECONDS": LongWork.seconds == nil ? "1" : "20", "LOG_LEVEL": "debug", "DRAIN_SECONDS": "0",
            "WORKERS": Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }.joined(separator: ","),
        ]
        try await TestTree.with(own.merging(settings) { $1 }, broker: node.url, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            try await body(tree, node)
        }
    }

    private static func expectOneEnd(_ tree: TestTree, _ id: String) async throws {
        let updates = try await tree.updates(.image, untilTheEndOf: [id])
        #expect(updates.filter { $0["status"] != "processing" }.map { $0["status"]?.stringValue } == ["completed"])
        try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        try await eventually("the watch ticket is gone") {
            for stage in Stage.allCases {
                let delayed = tree.names.retry(.image, stage, delayMilliseconds: 5_000)
                for queue in [tree.names.work(.image, stage), delayed]
                where try await tree.client.messageCount(queue: queue) ?? 0 > 0 { return false }
            }
            return true
        }
        #expect(try await tree.client.messageCount(queue: tree.names.updates(.image)) == 0)
    }

    @Test("outlasts the broker's limit without a second start", arguments: [Stage.download, .process, .upload])
    func outlasts(stage: Stage) async throws {
        try await Self.with { tree, _ in
            try await tree.running {
                try Self.order(tree, stage)
                try await tree.submit(.image, id: "long", source: "photo.jpg")
                try await eventually("the watch ticket came back to a held lease", within: .seconds(120)) {
                    tree.log.contains("another worker holds the job; looking again later")
                }
                // Work for others goes on meanwhile.
                if stage != .download {
                    try await tree.submit(.image, id: "short", source: "photo.jpg")
                    try await Self.expectEnd(tree, "short")
                }
                // The test is about the length of the work.
                if let seconds = LongWork.seconds { try await Task.sleep(for: .seconds(seconds)) }
                try Self.release(tree)
                try await Self.expectOneEnd(tree, "long")
            }
            #expect(Self.lines(": \(stage.rawValue) starts", of: "long", in: tree).count == 1)
        }
    }

    @Test("without a watch ticket loses its delivery and is still done once")
    func deliveryIsTakenBack() async throws {
        try await Self.with(["LONG_WORK_SECONDS": "86400"]) { tree, node in
            try await tree.running {
                try Self.order(tree, .process)
                try await tree.submit(.image, id: "long", source: "photo.jpg")
                try await eventually("the broker closed the channel", within: .seconds(180)) {
                    tree.log.contains("closed a consumer's channel")
                }
                try await eventually("another worker met the held lease", within: .seconds(60)) {
                    tree.log.contains("another worker holds the job; looking again later")
                }
                try Self.release(tree)
                try await Self.expectOneEnd(tree, "long")
            }
            #expect(Self.lines(": process starts", of: "long", in: tree).count == 1)
            #expect(node.log.contains("Timeout value used: "))
        }
    }

    private static func lines(_ text: String, of job: String, in tree: TestTree) -> [Substring] {
        tree.log.split(separator: "\n").filter { $0.contains(text) && $0.contains("job.id=\(job) ") }
    }

    private static func expectEnd(_ tree: TestTree, _ id: String) async throws {
        let updates = try await tree.updates(.image, untilTheEndOf: [id])
        #expect(updates.last { $0["job_id"]?.stringValue == id }?["status"] == "completed")
    }

    @Test(
        "is taken over when its worker dies, whenever that is",
        arguments: [CrashPoint.watchConfirmed, .watchAcknowledged, .watchParked]
    )
    func takenOver(point: CrashPoint) async throws {
        try await Self.with { tree, _ in
            try await tree.running {
                try Self.order(tree, .process, thenKillAt: point)
                try await tree.submit(.image, id: "long", source: "photo.jpg")
                try await eventually("\(point) was crossed", within: .seconds(120)) {
                    access(tree.directory + "/crash", F_OK) != 0
                }
                try await Self.expectOneEnd(tree, "long")
            }
        }
    }

    @Test("that fails for now is tried again once", arguments: [nil, CrashPoint.retryOvertook])
    func triedAgain(point: CrashPoint?) async throws {
        try await Self.with { tree, _ in
            try await tree.running {
                try Self.order(tree, .process)
                try await tree.submit(.image, id: "long", source: "photo.jpg")
                try await eventually("the delivery is acknowledged", within: .seconds(120)) {
                    tree.log.contains("a watch ticket stands in for it")
                }
                // The next output finds no directory.
                try FileManager.default.removeItem(atPath: tree.workspace + "/jobs/image/long/outputs")
                if let point {
                    let order = CrashOrder(process: "stage-process", point: point, crossing: 1, number: 3)
                    try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"), options: .atomic)
                } else {
                    try Self.release(tree)
                }
                try await Self.expectOneEnd(tree, "long")
            }
            #expect(Self.lines("process failed; trying again", of: "long", in: tree).count == 1)
            #expect(Self.lines(": process starts", of: "long", in: tree).count == 2)
        }
    }

    @Test("that a drained worker leaves behind is finished by the next tree")
    func drained() async throws {
        try await Self.with { tree, _ in
            try await tree.running {
                try Self.order(tree, .process)
                try await tree.submit(.image, id: "long", source: "photo.jpg")
                try await eventually("the delivery is acknowledged", within: .seconds(120)) {
                    tree.log.contains("a watch ticket stands in for it")
                }
                // A held thread cannot be cancelled: it goes on once the drain has begun.
                Task {
                    try await eventually("the drain has begun") { tree.log.contains("draining") }
                    try Self.release(tree)
                }
            }
            try await tree.running { try await Self.expectOneEnd(tree, "long") }
        }
    }
}
