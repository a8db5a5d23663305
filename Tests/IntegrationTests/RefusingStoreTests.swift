import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// Trees whose store lets nobody in.
@Suite("A store that refuses the credentials", .serialized, .timeLimit(.minutes(10)))
struct RefusingStoreTests {
    /// Requests that are no trials of the supervisor's.
    private func requests(_ proxy: AnsweringProxy, _ prefix: String) -> [String] {
        proxy.requests.filter { $0.contains("/\(prefix)/") && !$0.contains(".media-processor-trial") }
    }

    @Test("from the beginning is asked once, and the job ends at once with nothing left")
    func wrongFromTheStart() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("refused")
        let proxy = try AnsweringProxy(to: server.port) { _, _ in nil }
        defer { proxy.stop() }
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": server.url(prefix, port: Int(proxy.port)), "AWS_ACCESS_KEY_ID": "nobody",
        ]) { $1 }
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.submit(.image, id: "refused", source: "photo.jpg")
            let end = try #require(try await tree.updates(.image, untilTheEndOf: ["refused"]).last)
            #expect(end["status"] == "failed" && end["error_code"] == "store_access_denied", "\(end)")
            #expect(end["warnings"] == nil, "\(end)")
            // The first output, which went alone.
            let asked = requests(proxy, prefix)
            #expect(asked.count == 1 && asked.allSatisfy { $0.hasPrefix("PUT ") }, "\(asked)")
            #expect(tree.leftovers().isEmpty)
            let orphans = try await tree.command("orphans")
            #expect(!orphans.output.contains("objects are left"), "\(orphans)")
        }
    }

    @Test("later is asked once at the job's end, which tells what may be left, and that goes when it lets us in again")
    func wrongLater() async throws {
        let server = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("refused")
        let isClosed = Mutex(false)
        let outputs = Mutex(0)
        let proxy = try AnsweringProxy(to: server.port) { line, _ in
            if line.hasPrefix("PUT "), line.contains("/images/") {
                let number = outputs.withLock { outputs in
                    outputs += 1
                    return outputs
                }
                if number == 3 { isClosed.withLock { $0 = true } }
            }
            guard isClosed.withLock({ $0 }) else { return nil }
            return .instead(AnsweringProxy.failure(403, "InvalidAccessKeyId"))
        }
        defer { proxy.stop() }
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": server.url(prefix, port: Int(proxy.port)), "UPLOAD_PARALLEL": "1",
            "STAGE_MAX_ATTEMPTS": "cleanup=5",
        ]) { $1 }
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg", size: "320x240")
            try await tree.submit(.image, id: "half", source: "photo.jpg")
            let end = try #require(try await tree.updates(.image, untilTheEndOf: ["half"]).last)
            #expect(end["status"] == "failed" && end["error_code"] == "store_access_denied", "\(end)")
            let warning = try #require(end["warnings"]?.arrayValue?.first?.objectValue)
            #expect(warning["code"] == "objects_left", "\(warning)")
            // Those that were put; not the one that was refused, nor those that the job has not come to.
            #expect(warning["message"]?.stringValue?.contains("up to 2 objects") == true, "\(warning)")
            #expect(try await server.keys(prefix + "/").count == 2)
            #expect(tree.leftovers().isEmpty)
            let lines = tree.log.split(separator: "\n")
            #expect(lines.count { $0.contains("the job failed in cleanup") } == 1)
            #expect(!lines.contains { $0.contains("cleanup failed; trying again") })
            isClosed.withLock { $0 = false }
            outputs.withLock { $0 = 100 }
            let cleaned = try await tree.command("orphans", "--clean")
            #expect(cleaned.exit == .status(0), "\(cleaned)")
            try await eventually("they are gone") { try await server.keys(prefix + "/").isEmpty }
        }
    }
}
