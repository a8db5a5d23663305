import AMQP
import Foundation
import JobModel
import Logging
import ServiceKit
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("A cancelled job", .serialized)
struct CancellationTests {
    /// A wish to cancel, as the supervisor carries it out.
    private func cancel(_ id: String, _ kind: MediaKind, _ tree: TestTree) async throws -> CancelAnswer {
        let tracker = try TempFileTracker.open(
            temporaryDirectory: tree.directory + "/temp",
            logger: TestBroker.logger
        )
        let broker = BrokerLink(logger: TestBroker.logger)
        try await broker.connect(to: try await TestBroker.url())
        let cancellation = JobCancellation(
            tracker: tracker,
            broker: broker,
            queues: QueueLayout(names: tree.names),
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

    /// One terminal update, which says so; no file, no dead letter, and no message but those that wait for a stage.
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

    @Test("in the middle of a stage stops there")
    func working() async throws {
        try await TestTree.with(["VIDEO_PRESET": "veryslow"]) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "1920x1080", seconds: 20)
            try await tree.submit(.video, id: "working", source: "clip.mp4")
            try await eventually("the encoder is at it") {
                let job = try await tree.get("/jobs/video/working")?.body.objectValue
                return job?["stage"] == "process" && job?["stageProgress"]?.clampedInteger ?? 0 > 0
            }
            #expect(try await cancel("working", .video, tree) == .requested)
            try await expectCancelled(["working"], .video, tree)
            #expect(try await cancel("working", .video, tree) == .over(.cancelled))
            #expect(try await tree.restarts() == 0)
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
