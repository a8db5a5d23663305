import AMQP
import CrashPoints
import Foundation
import JobModel
import Logging
import Queues
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("A cancelled job", .serialized)
struct CancellationTests {
    /// Cancels a job as the supervisor does.
    private func cancel(_ id: String, _ kind: MediaKind, _ tree: TestTree) async throws -> CancelAnswer {
        let tracker = try TempFileTracker.open(
            temporaryDirectory: tree.directory + "/temp",
            logger: TestBroker.logger
        )
        let broker = BrokerLink(logger: TestBroker.logger)
        try await broker.connect(to: try await TestBroker.url())
        let queues = QueueLayout(names: tree.names)
        let cancellation = JobCancellation(
            tracker: tracker,
            broker: broker,
            queues: queues,
            search: WaitingJobs(tracker: tracker, broker: broker, queues: queues, logger: TestBroker.logger),
            logger: TestBroker.logger
        )
        do {
            let answer = try await cancellation.cancel(JobKey(kind: kind, id: ByteText(id)))
            await broker.close()
            return answer
        } catch {
            await broker.close()
            throw error
        }
    }

    /// Expects one terminal update, `cancelled`; no file, no dead letter, and no message except those that wait for a
    /// stage.
    private func expectCancelled(
        _ ids: Set<String>,
        _ kind: MediaKind,
        _ tree: TestTree,
        waiting: Int = 0
    ) async throws {
        let updates = try await tree.updates(kind, untilTheEndOf: ids)
        for id in ids {
            let mine = updates.filter { $0["job_id"]?.stringValue == id }
            #expect(mine.last?["status"] == "cancelled", "\(id)")
            #expect(mine.count { $0["status"] != "processing" } == 1, "\(id)")
            #expect(mine.last?["media_id"]?.stringValue == "media-\(id)", "\(id)")
        }
        try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        try await eventually("late messages are dropped") {
            var count = 0
            for stage in Stage.allCases {
                count += try await tree.client.messageCount(queue: tree.names.work(kind, stage)) ?? 0
            }
            return count == waiting
        }
        #expect(try await tree.client.messageCount(queue: tree.names.dead(kind)) == 0)
        #expect(try await tree.client.messageCount(queue: tree.names.updates(kind)) == 0)
    }

    /// The supervisor's side of a cancellation, and then the end.
    private func cancelAndSeeTheEnd(_ id: String, _ kind: MediaKind, _ tree: TestTree) async throws {
        #expect(try await cancel(id, kind, tree) == .requested)
        try await expectCancelled([id], kind, tree)
        #expect(try await cancel(id, kind, tree) == .over(.cancelled))
    }

    @Test("in the middle of an encoding stops there")
    func encoding() async throws {
        try await TestTree.with(["VIDEO_PRESET": "veryslow"]) { tree in
            // To the end of its 18,000 pictures it is a long way.
            try await Samples.longVideo(tree.sources + "/clip.mp4", size: "320x180", seconds: 10, times: 60)
            try await tree.submit(.video, id: "working", source: "clip.mp4")
            try await eventually("the encoder is at it", within: .seconds(180)) {
                let job = try await tree.get("/jobs/video/working")?.body.objectValue
                return job?["stage"] == "process" && job?["stageProgress"]?.clampedInteger ?? 0 > 0
            }
            try await cancelAndSeeTheEnd("working", .video, tree)
            let decoded = Self.lines("the video's work was cancelled", tree)
                .compactMap { Self.field("pictures.decoded", $0) }
            #expect(decoded.count == 1)
            #expect(decoded.allSatisfy { $0 > 0 && $0 < 9_000 }, "\(decoded)")
            #expect(try await tree.restarts() == 0)
        }
    }

    /// The place of a stage when the request comes: its first, second, … crossing of a point.
    struct Place: Sendable, CustomTestStringConvertible {
        var stage: Stage
        var point: CrashPoint
        var crossing = 1

        var testDescription: String { "\(point) of \(stage)" }
    }

    @Test(
        "in the middle of any stage does no more of its work",
        arguments: [
            Place(stage: .download, point: .pieceWritten, crossing: 3), Place(stage: .process, point: .outputBegun),
            Place(stage: .upload, point: .objectWritten),
        ]
    )
    func working(place: Place) async throws {
        try await TestTree.with { tree in
            let process = "stage-\(place.stage.rawValue)"
            let hold = CrashOrder(
                process: process,
                point: place.point,
                crossing: place.crossing,
                number: 1,
                effect: .hold
            )
            // Followed by whoever does the piece after the next one; then it is gone.
            let trap = CrashOrder(process: process, point: place.point, crossing: place.crossing + 2, number: 2)
            let order = URL(filePath: tree.directory + "/crash")
            try Data((hold.text + trap.text).utf8).write(to: order, options: .atomic)
            try await Samples.paddedPhoto(tree.sources + "/photo.jpg", bytes: 64 << 20)
            try await tree.submit(.image, id: "working", source: "photo.jpg")
            try await eventually("the stage is at it") { access(tree.directory + "/crash.held", F_OK) == 0 }
            #expect(try await cancel("working", .image, tree) == .requested)
            try await eventually("the stage has heard of it") { !Self.lines("its work is told to stop", tree).isEmpty }
            try Data(trap.text.utf8).write(to: order, options: .atomic)
            try await expectCancelled(["working"], .image, tree)
            #expect(access(order.path(), F_OK) == 0, "the work went on")
        }
    }

    @Test("whose work does not stop ends with its worker, and nobody else's start is counted")
    func stubborn() async throws {
        try await TestTree.with { tree in
            let order = CrashOrder(process: "stage-process", point: .outputBegun, crossing: 1, number: 1, effect: .hang)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.submit(.image, id: "stubborn", source: "photo.jpg")
            try await eventually("the work stands still") { access(tree.directory + "/crash", F_OK) != 0 }
            try await cancelAndSeeTheEnd("stubborn", .image, tree)
            #expect(Self.lines("its worker ends", tree).count == 1)
            #expect(Self.lines(": process starts", tree).count == 1)
            try await eventually("a successor is there") { try await tree.get("/health")?.status == 200 }
            #expect(try await tree.restarts() == 1)
        }
    }

    @Test("is none that is handed back: a drain is no death, though the work does not stop")
    func drained() async throws {
        try await TestTree.with(["DRAIN_SECONDS": "0"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.running {
                let order = CrashOrder(
                    process: "stage-process",
                    point: .outputBegun,
                    crossing: 1,
                    number: 1,
                    effect: .hang
                )
                try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"))
                try await tree.submit(.image, id: "stubborn", source: "photo.jpg")
                try await eventually("the work stands still") { access(tree.directory + "/crash", F_OK) != 0 }
            }
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ["stubborn"])
                #expect(updates.last?["status"] == "completed")
            }
            let starts = Self.lines(": process starts", tree).map { Self.field("job.starts", $0) }
            #expect(starts == [1, 1])
        }
    }

    private static func lines(_ text: String, _ tree: TestTree) -> [Substring] {
        tree.log.split(separator: "\n").filter { $0.contains(text) }
    }

    private static func field(_ name: String, _ line: Substring) -> Int? {
        line.split(separator: " ").first { $0.hasPrefix(name + "=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
    }

    @Test("is the one whose bytes were named: one letter in one and in two code points makes two ids")
    func names() async throws {
        try await TestTree.with(["WORKERS": "download.image=0"]) { tree in
            let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            for id in [composed, decomposed] { try await tree.submit(.image, id: id, source: "photo.jpg") }
            #expect(try await cancel(decomposed, .image, tree) == .requested)
            let updates = try await tree.updates(.image, untilTheEndOf: [decomposed])
            let ended = updates.last?["job_id"]?.stringValue.map { ByteText($0) }
            #expect(updates.count == 1 && ended == ByteText(decomposed))
            #expect(updates.last?["status"] == "cancelled")
            let download = tree.names.work(.image, .download)
            #expect(try await tree.client.messageCount(queue: download) == 1)
            let waiting = try await tree.peek(download)?["id"]?.stringValue.map { ByteText($0) }
            #expect(waiting == ByteText(composed))
        }
    }

    @Test("that waits for a download, for the next stage or for space ends at once")
    func waiting() async throws {
        // A job reserves 3 MiB, so that there is room for one.
        try await TestTree.with(["TEMP_MAX_BYTES": "\(4 << 20)"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            #expect(truncate(tree.sources + "/photo.jpg", 1 << 20) == 0)
            try await tree.running(["WORKERS": "download.image=0"]) {
                for id in ["first", "second", "third"] { try await tree.submit(.image, id: id, source: "photo.jpg") }
                #expect(try await cancel("second", .image, tree) == .requested)
                try await expectCancelled(["second"], .image, tree, waiting: 2)
                #expect(try await cancel("nobody", .image, tree) == .unknown)
                #expect(try await tree.client.messageCount(queue: tree.names.work(.image, .download)) == 2)
            }
            try await tree.running(["WORKERS": "process.image=0"]) {
                try await eventually("one job waits for processing, the other for space") {
                    let third = try await tree.get("/jobs/image/third")?.body.objectValue
                    return try await tree.client.messageCount(queue: tree.names.work(.image, .process)) == 1
                        && third?["step"] == "waiting_for_space"
                }
                #expect(try await cancel("third", .image, tree) == .requested)
                #expect(try await cancel("first", .image, tree) == .requested)
                try await expectCancelled(["first", "third"], .image, tree, waiting: 1)
            }
            // The message that nobody took from its queue.
            try await tree.running { try await expectCancelled([], .image, tree) }
            let updates = try await tree.client.messageCount(queue: tree.names.updates(.image))
            #expect(updates == 0)
        }
    }
}
