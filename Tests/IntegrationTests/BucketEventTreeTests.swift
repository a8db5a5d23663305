import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Whole trees that make jobs of the events of a bucket.
@Suite("A tree with bucket events", .serialized, .timeLimit(.minutes(10)))
struct BucketEventTreeTests {
    private static func settings(
        _ store: TestObjectStore,
        _ prefix: String,
        _ queue: String,
        _ more: [String: String] = [:]
    ) -> [String: String] {
        TestObjectStore.environment
            .merging(["STORAGE_URL": store.url(prefix), "S3_EVENTS_QUEUE": queue]) { $1 }.merging(more) { $1 }
    }

    @Test(
        "An object is put, its event is published, and its job completes in the bucket; the outputs' events end there"
    )
    func endToEnd() async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("events")
        try await withTestQueue("bucket-events") { queue in
            let rules = [
                "S3_EVENTS_RULES": "\(prefix)/in/*.jpg image mediaId={4}-{name} userId={3}; * auto"
            ]
            try await TestTree.with(Self.settings(store, prefix, queue, rules)) { tree in
                try await Samples.photo(tree.sources + "/photo.jpg", size: "640x480")
                try await store.put(tree.sources + "/photo.jpg", "\(prefix)/in/eve/a b+c.jpg")
                let event = EventSamples.minio("\(prefix)%2Fin%2Feve%2Fa+b%2Bc.jpg")
                let body = Array(event.utf8)
                for _ in 0..<3 { try await tree.client.publish(AMQPMessage(body: body), to: queue) }
                try await eventually("a job is known") {
                    try await tree.get("/jobs")?.body.objectValue?["jobs"]?.arrayValue?.isEmpty == false
                }
                let jobs = try await tree.get("/jobs")?.body.objectValue?["jobs"]?.arrayValue ?? []
                let id = try #require(jobs.first?.objectValue?["id"]?.stringValue)
                let updates = try await tree.updates(.image, untilTheEndOf: [id])
                let end = try #require(updates.last)
                #expect(end["status"] == "completed" && end["userId"] == "eve")
                let versions = end["image_versions"]?.arrayValue ?? []
                #expect(versions.count == 4)
                for version in versions {
                    let key = try #require(version.objectValue?["s3_key"]?.stringValue)
                    #expect(key.hasPrefix("images/a b+c.jpg-a b+c_"), "\(key)")
                    #expect(try await store.object("\(prefix)/\(key)") != nil)
                    // The store tells of our outputs as well.
                    let own = EventSamples.ceph("\(prefix)/\(key)")
                    try await tree.client.publish(AMQPMessage(body: Array(own.utf8)), to: queue)
                }
                try await tree.client.publish(AMQPMessage(body: body), to: queue)
                func counts() async throws -> [ByteText: JSONValue] {
                    try await tree.get("/info")?.body.objectValue?["bucketEvents"]?.objectValue?["counts"]?.objectValue
                        ?? [:]
                }
                try await eventually("all events are taken") { try await counts()["messages"]?.clampedInteger == 8 }
                let dropped = try await counts()["dropped"]?.objectValue ?? [:]
                #expect(dropped["own_output"]?.clampedInteger == 4)
                // The last one at least: the others may have been sent before a worker knew the job.
                #expect(try #require(dropped["duplicate"]?.clampedInteger) >= 1)
                let list = try await tree.get("/jobs")?.body.objectValue?["jobs"]?.arrayValue ?? []
                #expect(list.count == 1)
                let metrics = try await tree.text("/metrics")
                #expect(metrics.contains(#"media_processor_bucket_events_total{outcome="own_output"} 4"#))
                #expect(metrics.contains(#"media_processor_bucket_event_messages_total{outcome="read"} 8"#))
                try await eventually("nothing waits") {
                    try await tree.client.messageCount(queue: tree.names.entry(.image)) == 0
                }
                #expect(try await tree.drain(tree.names.updates(.image)).isEmpty)
                #expect(tree.leftovers().isEmpty)
            }
        }
    }

    @Test("A tree whose queue is not there is degraded and says why, and the doctor warns")
    func missing() async throws {
        let store = try await TestObjectStore.shared()
        let queue = TestBroker.uniqueName("no-events")
        let settings = Self.settings(store, TestObjectStore.uniquePrefix("events"), queue)
        try await TestTree.with(settings) { tree in
            try await eventually("the queue is missed") {
                let health = try await tree.get("/health")?.body
                return health?.objectValue?["status"] == "degraded"
                    && String(decoding: health?.serialized() ?? [], as: UTF8.self).contains(queue)
            }
            let report = try await ChildProcess.run(
                BuiltExecutable.path("supervisor"),
                ["doctor", "--json"],
                environment: tree.environment
            )
            #expect(report.contains("events.queue") && report.contains(queue))
            try await tree.client.declare(AMQPQueue(queue))
            try await eventually("the queue is found") {
                try await tree.get("/health")?.body.objectValue?["status"] == "healthy"
            }
            try await tree.client.delete(queue: queue)
        }
    }
}
