import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Hosts that are away", .serialized, .timeLimit(.minutes(10)))
struct HostOutageTests {
    private static let secret = "hunter2hunter2"

    /// With one attempt for each job, which the first failure that counts would take.
    @Test("cost no job its one attempt, at download or at upload; they are shown, and all is done when they are back")
    func outage() async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("outage")
        let (storePort, webPort) = (try FreePort.find(), try FreePort.find())
        let settings = [
            "STORAGE_URL": store.url(prefix, port: Int(storePort)), "MAX_ATTEMPTS": "1", "ALLOW_HTTP": "1",
            "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8",
        ]
        try await TestTree.with(TestObjectStore.environment.merging(settings) { $1 }) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await store.put(tree.sources + "/photo.jpg", "\(prefix)/up/photo.jpg")
            let web = "http://127.0.0.1:\(webPort)/photo.jpg?X-Amz-Signature=\(Self.secret)"
            let sources: [(String, ByteText, String)] = [
                ("key", "s3Key", "up/photo.jpg"), ("url", "source", "s3://media/\(prefix)/up/photo.jpg"),
                // This one waits when it is to be published.
                ("file", "source", "file://\(tree.sources)/photo.jpg"), ("web", "source", web),
            ]
            let ids = sources.flatMap { source in (1...2).map { "\(source.0)-\($0)" } }
            for (name, field, value) in sources {
                for number in 1...2 {
                    let id = "\(name)-\(number)"
                    let job: [ByteText: JSONValue] = [
                        "id": .string(id), "mediaId": .string("m-" + id), "mediaType": "IMAGE", field: .string(value),
                    ]
                    try await tree.publish(.object(job), to: tree.names.entry(.image))
                }
            }
            // The first time soon, and then as late as the pause of its host wants.
            try await eventually("each job has come back", within: .seconds(240)) {
                let lines = tree.log.split(separator: "\n").filter { $0.contains("waits for a host that is away") }
                return ids.allSatisfy { id in lines.count { $0.contains("job.id=\(id) ") } >= 2 }
            }
            let hosts = ["127.0.0.1:\(storePort)": 6, "127.0.0.1:\(webPort)": 2]
            try await eventually("they are told with all jobs that wait") {
                let away = try await tree.get("/health")?.body.objectValue?["hostsAway"]?.arrayValue ?? []
                let told = away.compactMap { entry -> (String, Int)? in
                    guard let host = entry.objectValue?["host"]?.stringValue else { return nil }
                    return (host, Int(entry.objectValue?["waitingJobs"]?.clampedInteger ?? 0))
                }
                return Dictionary(told) { $0 + $1 } == hosts
            }
            let health = try #require(try await tree.get("/health"))
            #expect(health.status == 200 && health.body.objectValue?["status"] == "degraded")
            let status = try await tree.command("status")
            let shown = [
                String(decoding: health.body.serialized(), as: UTF8.self), try await tree.text("/metrics"),
                try await tree.text("/overview"), status.output,
            ]
            for text in shown {
                #expect(hosts.keys.allSatisfy { text.contains($0) } && !text.contains(Self.secret), "\(text)")
            }
            for (id, port) in [("key-1", storePort), ("file-2", storePort), ("web-1", webPort)] {
                try await eventually("\(id) says what it waits for") {
                    let job = try await tree.get("/jobs/image/\(id)")?.body.objectValue
                    let waits = job?["waiting"]?.objectValue
                    // It has come back since, and it is still the time of the first failure.
                    let since = waits?["since"]?.stringValue ?? ""
                    let last = job?["updatedAt"]?.stringValue ?? ""
                    return waits?["what"] == "host" && waits?["host"] == .string("127.0.0.1:\(port)") && since < last
                        && !since.isEmpty
                }
                let shown = try await tree.command("jobs", "image/" + id).output
                #expect(
                    shown.contains("waits for  127.0.0.1:\(port) since ") && !shown.contains(Self.secret),
                    "\(shown)"
                )
            }
            #expect(!tree.log.contains("failed; trying again") && !tree.log.contains(Self.secret))
            try await NginxOrigin.with(files: tree.sources) { origin in
                let relays = try [
                    RelayProxy(to: store.port, port: storePort) { _ in nil },
                    RelayProxy(to: UInt16(origin.port), port: webPort) { _ in nil },
                ]
                defer { for relay in relays { relay.close() } }
                let updates = try await tree.updates(.image, untilTheEndOf: Set(ids))
                let ends = updates.filter { $0["status"]?.stringValue != "processing" }
                #expect(ends.count == ids.count && ends.allSatisfy { $0["status"] == "completed" }, "\(ends)")
                try await eventually("nobody is away any more", within: .seconds(90)) {
                    let health = try await tree.get("/health")?.body.objectValue
                    return health?["hostsAway"] == nil && health?["status"] == "healthy"
                }
            }
            #expect(tree.leftovers().isEmpty)
        }
    }
}
