import AMQP
import Foundation
import JobModel
import JobStore
import Logging
import Queues
import TempFiles
import TestSupport
import Testing

@Suite("An abandoned job", .serialized)
struct AbandonedJobTests {
    @Test("is failed with one terminal update and leaves nothing; its late message is dropped")
    func ends() async throws {
        try await TestTree.with(["JOB_MAX_AGE_HOURS": "1"], starting: false) { tree in
            let key = JobKey(kind: .video, id: "abandoned")
            var ticket = Ticket(id: key.id, mediaID: "media", kind: .video)
            ticket.hop = 1
            ticket.userID = "u"
            do {
                // A tree ran for an hour, and the job's message is nowhere.
                let tracker = try TempFileTracker.open(
                    temporaryDirectory: tree.directory + "/temp",
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                )
                guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else { return }
                _ = try await tracker.jobs.begin(
                    key,
                    StageMessage(
                        stage: .process,
                        hop: 1,
                        mediaID: "media",
                        manifest: nil,
                        ticket: ticket.json.serialized()
                    )
                )
                let file = try await tracker.trackFile(
                    NewFile(name: "source", type: .input, description: ""),
                    job: key,
                    stage: .download
                )
                try Data(count: 4096).write(to: URL(filePath: file.absolutePath))
                try await tracker.commitFiles([file])
                _ = try await tracker.jobs.recordNews(key, percent: 33, step: "processing_video", interval: .zero)
                lease.release()
                _ = try await tracker.cleanupOrphanedFiles(
                    SweepRules(graceTime: .seconds(60), maximumSilence: .seconds(3600))
                )
                try await tracker.jobs.addService(.seconds(3600))
            }
            #expect(!tree.leftovers().isEmpty)
            try await tree.running {
                let updates = try await tree.updates(.video, untilTheEndOf: [key.id.string])
                #expect(updates.count == 1)
                let end = try #require(updates.last)
                #expect(end["status"] == "failed" && end["progress"] == 33 && end["media_id"] == "media")
                #expect(end["error_message"]?.stringValue?.contains("nobody worked on the job") == true)
                try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
                let dead = try await tree.drain(tree.names.dead(.video))
                #expect(dead.count == 1)
                #expect(dead.first?.headers["x-reason-code"] == .string("abandoned"))
                // The message that was lost turns up.
                try await tree.publish(ticket.json.value, to: tree.names.work(.video, .process))
                try await eventually("the late message is dropped") {
                    tree.log.contains("a duplicate of a finished job was dropped")
                }
                #expect(try await tree.client.messageCount(queue: tree.names.updates(.video)) == 0)
                #expect(tree.leftovers().isEmpty)
            }
        }
    }
}
