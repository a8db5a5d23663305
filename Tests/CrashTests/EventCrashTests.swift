import AMQP
import CrashPoints
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// SIGKILL for a supervisor that makes jobs of a bucket's events.
@Suite("Deaths between the jobs of an event and its end", .serialized, .timeLimit(.minutes(10)))
struct EventCrashTests {
    private static let keys = ["one", "two", "three"]

    @Test("lose no job and do none twice, whichever job of a message was the last")
    func everyJob() async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("event-deaths")
        try await withTestQueue("bucket-events") { queue in
            let settings = TestObjectStore.environment.merging([
                "STORAGE_URL": store.url(prefix), "S3_EVENTS_QUEUE": queue, "S3_EVENTS_RULES": "* auto mediaId={name}",
            ]) { $1 }
            try await TestTree.with(settings, starting: false) { tree in
                try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
                for key in Self.keys { try await store.put(tree.sources + "/photo.jpg", "\(prefix)/in/\(key).jpg") }
                let ends = try EndLog(tree)
                for crossing in 1...Self.keys.count {
                    // Another version each time, and so three other jobs.
                    let events = Self.keys.map {
                        EventSamples.amazon("\(prefix)/in/\($0).jpg", sequencer: "0\(crossing)")
                    }
                    let order = CrashOrder(
                        process: "supervisor",
                        point: .eventJobConfirmed,
                        crossing: crossing,
                        number: crossing
                    )
                    let file = tree.directory + "/crash"
                    try Data(order.text.utf8).write(to: URL(filePath: file), options: .atomic)
                    let killed = try tree.start()
                    let body = Array(try EventSamples.together(events).utf8)
                    try await tree.client.publish(AMQPMessage(body: body), to: queue)
                    #expect(await killed.wait() == .signal(SIGKILL))
                    #expect(access(file, F_OK) != 0)
                    #expect(try await tree.client.messageCount(queue: queue) == 1, "the message is back")
                    try await tree.running {
                        let expected = crossing * Self.keys.count
                        try await eventually("all jobs ended", within: .seconds(120)) { ends.all.count == expected }
                        try await eventually("the message is settled") {
                            try await tree.client.messageCount(queue: queue) == 0
                        }
                        try await eventually("late duplicates are dropped") {
                            guard try await tree.client.messageCount(queue: tree.names.entry(.image)) == 0 else {
                                return false
                            }
                            return try await tree.isIdle()
                        }
                    }
                }
                await ends.stop()
                for (job, all) in ends.all { #expect(all == ["completed"], "\(job)") }
                #expect(ends.refused.isEmpty)
                #expect(tree.leftovers().isEmpty)
                #expect(try await tree.drain(tree.names.dead(.image)).isEmpty)
            }
        }
    }
}
