import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// Sixteen transfers share the least limit there is: each rests four seconds for its next piece, longer than work may
/// go on that is to stop.
@Suite("A limit of bandwidth in a tree", .serialized, .timeLimit(.minutes(10)))
struct BandwidthTreeTests {
    enum Stop: CaseIterable, Sendable {
        case cancellation, drain
    }

    private func checkEnd(_ tree: TestTree) async throws {
        #expect(!tree.log.contains("does not stop"), "its work was left behind")
        #expect(!tree.log.contains("signal 9"))
    }

    /// Cancels the job and sees its end.
    private func cancel(_ id: String, _ tree: TestTree) async throws {
        try await tree.order("DELETE", "/jobs/image/\(id)")
        let end = try #require(try await tree.updates(.image, untilTheEndOf: [id]).last)
        #expect(end["status"] == "cancelled" && end["warnings"] == nil, "\(end)")
        #expect(try await tree.restarts() == 0)
        #expect(tree.leftovers().isEmpty)
    }

    @Test("lets go of an upload that rests for its turn, and leaves no part of it", arguments: Stop.allCases)
    func upload(_ stop: Stop) async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("bandwidth")
        let relay = try RelayProxy(to: store.port)
        defer { relay.close() }
        let variants = (0..<16).map { "v\($0)=\(700 + $0)" }.joined(separator: ",")
        let settings = TestObjectStore.environment.merging([
            "UPLOAD_MAX_BYTES_PER_SECOND": "65536", "UPLOAD_PARALLEL": "16", "IMAGE_VARIANTS": variants,
            "STORAGE_URL": store.url(prefix, port: Int(relay.port)), "DRAIN_SECONDS": "3",
        ]) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=800x800,format=yuv420p,noise=alls=100", "-frames:v", "1", "-q:v",
                "2",
                tree.sources + "/noise.jpg",
            ])
            var before = 0
            try await tree.running {
                try await tree.submit(.image, id: "slow", source: "noise.jpg")
                // The first output goes alone. One connection may be a trial of the supervisor's.
                try await eventually("many outputs are under way") { relay.mostAtATime >= 15 }
                before = relay.sentBytes
                if stop == .cancellation { try await cancel("slow", tree) }
            }
            try await checkEnd(tree)
            // Pieces that were under way, and the requests that remove what was put.
            #expect(relay.sentBytes - before < 1 << 20, "\(before), \(relay.sentBytes)")
            #expect(try await store.openUploads(prefix + "/") == [])
            guard stop == .drain else { return #expect(try await store.keys(prefix + "/") == []) }
            #expect(try await store.keys(prefix + "/").count < 16)
            try await tree.running(["UPLOAD_MAX_BYTES_PER_SECOND": "0"]) {
                let updates = try await tree.updates(.image, untilTheEndOf: ["slow"])
                #expect(updates.last?["status"] == "completed", "\(updates)")
                #expect(try await store.keys(prefix + "/").count == 17)
            }
        }
    }

    @Test("lets go of a spilled file that is fetched back, and its job leaves nothing")
    func spilled() async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("spill")
        let relay = try RelayProxy(to: store.port)
        defer { relay.close() }
        let bytes = 48 << 20
        let settings = TestObjectStore.environment.merging([
            "SPILL_URL": store.url(prefix, port: Int(relay.port)), "SPILL_AFTER_MINUTES": "0.005",
            "SPILL_MIN_BYTES": "100000", "WORKERS": "process.image=0",
        ]) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.paddedPhoto(tree.sources + "/photo.jpg", bytes: Int64(bytes))
            try await tree.running {
                try await tree.submit(.image, id: "slow", source: "photo.jpg")
                try await eventually("its file is spilled", within: .seconds(120)) {
                    let health = try await tree.get("/health")?.body.objectValue
                    let files = health?["tempFiles"]?.objectValue?["image"]?.objectValue
                    return files?["spilledFiles"]?.clampedInteger == 1 && files?["totalSize"]?.clampedInteger == 0
                }
            }
            let limited = ["WORKERS": "", "SPILL_AFTER_MINUTES": "0", "SOURCE_MAX_BYTES_PER_SECOND": "65536"]
            try await tree.running(limited) {
                let start = relay.returnedBytes
                try await eventually("it comes back") { relay.returnedBytes - start > 200_000 }
                let before = relay.returnedBytes
                try await cancel("slow", tree)
                // The system keeps some of it; all of it would be 48 MiB.
                #expect(relay.returnedBytes - before < 16 << 20 && relay.returnedBytes - start < bytes / 2)
                #expect(try await store.keys(prefix + "/") == [])
            }
            try await checkEnd(tree)
        }
        #expect(try await store.openUploads(prefix + "/") == [])
    }
}
