import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

@Suite("An upload whose worker is killed", .serialized, .timeLimit(.minutes(20)))
struct KilledUploadTests {
    enum Way: String, CaseIterable, Sendable {
        /// One PUT of some 4 MiB, of which nothing can be used again.
        case whole
        /// Parts of 5 MiB, the least that may be set. One of them can be lost.
        case parts

        var store: TestObjectStore.Kind { self == .whole ? .seaweed : .swift }
        var size: String { self == .whole ? "1600x1200" : "2800x2100" }
        /// From one death to the next.
        var stepBytes: Int { self == .whole ? 64 << 10 : 1 << 20 }

        /// Of an object whose first worker died after so many bytes, those that went for nothing, but for some headers.
        func lostBytes(_ cut: Int) -> Int { self == .whole ? cut : cut % (5 << 20) }

        /// The most that may go to the store for an object when its first worker died after so many bytes. Headers, the
        /// result index, what the worker asks the store first, and the supervisor's trials are 128 KiB at most.
        func mostBytes(_ size: Int, cut: Int) -> Int {
            size + (self == .whole ? cut : min(cut, 5 << 20)) + 128 << 10
        }
    }

    private final class Cut: Sendable { let bytes = Mutex<Int?>(nil) }

    @Test(
        "is done by another worker, wherever it was: the same bytes, few of them twice, nothing left here or there",
        arguments: Way.allCases
    )
    func everyCut(_ way: Way) async throws {
        let store = try await TestObjectStore.shared(way.store)
        let prefix = TestObjectStore.uniquePrefix("killed")
        let cut = Cut()
        // Connections with small bodies alone do not count.
        let proxy = try RelayProxy(to: store.port, threshold: 32 << 10) { _ in
            cut.bytes.withLock { $0.map { .stall(afterBytes: $0) } }
        }
        defer { proxy.close() }
        let settings = TestObjectStore.environment.merging([
            "STORAGE_URL": store.url(prefix, port: Int(proxy.port)), "S3_PARALLEL_PARTS": "1",
            "S3_PART_BYTES": "5242880", "S3_MULTIPART_THRESHOLD_BYTES": "5242880",
            "IMAGE_VARIANTS": "4096p=4096", "IMAGE_JPEG_QUALITY": "100",
        ]) { $1 }
        try await TestTree.with(settings, starting: false) { tree in
            let ends = try EndLog(tree)
            try await Samples.ffmpeg([
                "-f", "lavfi", "-i", "nullsrc=size=\(way.size),format=yuv420p,noise=alls=100:allf=t:all_seed=1",
                "-frames:v", "1", "-q:v", "2", tree.sources + "/noise.jpg",
            ])
            try await tree.running {
                try await Self.submit("undisturbed", tree)
                try await Self.waitForEnd("undisturbed", ends)
                let whole = try #require(try await Self.object("undisturbed", store, prefix))
                let isAsMeant = way == .whole ? (4 << 20..<5 << 20).contains(whole.count) : whole.count > 11 << 20
                #expect(isAsMeant, "\(whole.count) bytes")
                var most = 0
                for bytes in stride(from: way.stepBytes, to: whole.count, by: way.stepBytes) {
                    let id = "cut-\(bytes >> 10)"
                    let before = (harmed: proxy.harmed, sent: proxy.sentBytes)
                    cut.bytes.withLock { $0 = bytes }
                    // Those that are kept have sent something already.
                    proxy.dropAll()
                    try await Self.submit(id, tree)
                    try await eventually("\(id): the upload stalls", within: .seconds(120)) {
                        proxy.harmed > before.harmed
                    }
                    cut.bytes.withLock { $0 = nil }
                    let worker = try #require(try await tree.worker("upload.image")).processID
                    kill(worker, SIGKILL)
                    proxy.dropAll()
                    try await Self.waitForEnd(id, ends)
                    let sent = proxy.sentBytes - before.sent
                    #expect(sent >= whole.count + way.lostBytes(bytes) - 32 << 10, "\(id): \(sent) bytes")
                    #expect(sent <= way.mostBytes(whole.count, cut: bytes), "\(id): \(sent) bytes")
                    most = max(most, sent - whole.count)
                    let isSame = try await Self.object(id, store, prefix) == whole
                    #expect(isSame, "\(id)")
                }
                print("\(way.rawValue): \(whole.count) bytes, at most \(most) more were sent")
            }
            await ends.stop()
            #expect(ends.all.values.allSatisfy { $0 == ["completed"] }, "\(ends.all)")
            #expect(tree.leftovers().isEmpty)
        }
        #expect(try await store.openUploads(prefix + "/images") == [])
    }

    private static func submit(_ id: String, _ tree: TestTree) async throws {
        try await tree.publish(
            [
                "id": .string(id), "mediaId": .string("media-\(id)"), "userId": "u", "mediaType": "IMAGE",
                "source": .string("file://\(tree.sources)/noise.jpg"),
            ],
            to: tree.names.entry(.image)
        )
    }

    private static func waitForEnd(_ id: String, _ ends: EndLog) async throws {
        try await eventually("\(id) ended", within: .seconds(120)) { !ends.of(id).isEmpty }
    }

    private static func object(_ id: String, _ store: TestObjectStore, _ prefix: String) async throws -> [UInt8]? {
        try await store.object("\(prefix)/images/media-\(id)_4096p.jpg")
    }
}
