import Files
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// A tree whose jobs have one source of 4 MiB behind a relay that counts its bytes, and stops an answer where a test
/// says.
struct SourceRelay: Sendable {
    enum Server: String, Sendable, CaseIterable {
        case http, s3
    }

    static let sizeBytes = 4 << 20
    /// The source's name at its server.
    private static let name = "photo.jpg"

    let tree: TestTree
    let ends: EndLog
    private let proxy: RelayProxy
    private let cut: Cut
    /// The fields of a job that name the source.
    private let source: (ByteText, String)
    /// Puts a file in the source's place.
    private let put: @Sendable (String) async throws -> Void

    private final class Cut: Sendable { let bytes = Mutex<Int?>(nil) }

    static func with(_ server: Server, _ body: (SourceRelay) async throws -> Void) async throws {
        switch server {
        case .http: try await withWebServer(body)
        case .s3: try await withStore(body)
        }
    }

    private static func withWebServer(_ body: (SourceRelay) async throws -> Void) async throws {
        let directory = try ScratchDirectory.make("resume")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let settings = ["ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8"]
        // In one step, as a server must not see a part of it.
        let put: @Sendable (String) throws -> Void = { file in
            try FileManager.default.copyItem(atPath: file, toPath: "\(directory)/next")
            guard rename("\(directory)/next", "\(directory)/\(name)") == 0 else {
                throw TestTree.Failure(description: "rename: errno \(errno)")
            }
        }
        try await NginxOrigin.with(files: directory) { origin in
            let url = { (port: UInt16) in "http://127.0.0.1:\(port)/\(name)?X-Amz-Signature=hunter2" }
            try await with(UInt16(origin.port), { _ in settings }, { ("source", url($0)) }, put, body)
        }
    }

    private static func withStore(_ body: (SourceRelay) async throws -> Void) async throws {
        let store = try await TestObjectStore.shared()
        let prefix = TestObjectStore.uniquePrefix("resume")
        let settings = { (port: UInt16) in
            TestObjectStore.environment.merging(["STORAGE_URL": store.url(prefix, port: Int(port))]) { $1 }
        }
        let put: @Sendable (String) async throws -> Void = { try await store.put($0, "\(prefix)/\(name)") }
        try await with(store.port, settings, { _ in ("s3Key", name) }, put, body)
    }

    /// - Parameters:
    ///   - target: the port of the server.
    ///   - settings: by the port of the relay, as is the field of a job that names the source.
    private static func with(
        _ target: UInt16,
        _ settings: (UInt16) -> [String: String],
        _ source: (UInt16) -> (ByteText, String),
        _ put: @escaping @Sendable (String) async throws -> Void,
        _ body: (SourceRelay) async throws -> Void
    ) async throws {
        let cut = Cut()
        let proxy = try RelayProxy(to: target) { _ in cut.bytes.withLock { $0.map { .stallAnswer(afterBytes: $0) } } }
        defer { proxy.close() }
        let own = ["IMAGE_VARIANTS": "64p=64"].merging(settings(proxy.port)) { $1 }
        try await TestTree.with(own, starting: false) { tree in
            let ends = try EndLog(tree)
            let relay = SourceRelay(
                tree: tree,
                ends: ends,
                proxy: proxy,
                cut: cut,
                source: source(proxy.port),
                put: put
            )
            try await tree.running { try await body(relay) }
            await ends.stop()
            #expect(ends.all.values.allSatisfy { $0 == ["completed"] }, "\(ends.all)")
            #expect(tree.leftovers().isEmpty)
            #expect(!tree.log.contains("hunter2"))
        }
    }

    // MARK: - Sources

    struct Picture: Sendable {
        var path: String
        var bytes: [UInt8]
        var sha256: String
    }

    /// A picture of which the most are bytes after its end, which decoders leave alone. Nobody serves it yet.
    func makePicture(_ seed: UInt64 = 1, bytes count: Int = sizeBytes) async throws -> Picture {
        let path = tree.directory + "/picture-\(seed).jpg"
        try await Samples.photo(path, size: "320x240")
        var bytes = try Array(Data(contentsOf: URL(filePath: path)))
        var state = seed
        while bytes.count < count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes.append(UInt8(truncatingIfNeeded: state >> 56))
        }
        try Data(bytes).write(to: URL(filePath: path))
        let sum = try await ChildProcess.run("sha256sum", [path])
        return Picture(path: path, bytes: bytes, sha256: String(sum.prefix(64)))
    }

    func serve(_ picture: Picture) async throws { try await put(picture.path) }

    // MARK: - Jobs

    /// Bytes that have come out of the relay.
    var movedBytes: Int { proxy.returnedBytes }

    func submit(_ id: String, sha256: String) async throws {
        try await tree.publish(
            [
                "id": .string(id), "mediaId": .string("media-\(id)"), "userId": "u", "mediaType": "IMAGE",
                source.0: .string(source.1), "sha256": .string(sha256),
            ],
            to: tree.names.entry(.image)
        )
    }

    /// Submits a job whose source stops after so many bytes of an answer, and returns when the worker has written them.
    ///
    /// - Returns: the worker.
    func stall(_ id: String, after bytes: Int, sha256: String) async throws -> pid_t {
        let harmed = proxy.harmed
        cut.bytes.withLock { $0 = bytes }
        // Those that are kept were made without the cut.
        proxy.dropAll()
        try await submit(id, sha256: sha256)
        try await eventually("\(id): the source stalls") { proxy.harmed > harmed }
        cut.bytes.withLock { $0 = nil }
        // The head of the answer is none of the source's.
        try await eventually("\(id): what has come is in the file") { writtenBytes(id) >= bytes - 2048 }
        return try #require(try await tree.worker("download.image")).processID
    }

    /// Kills a worker, and leaves no connection that would stop as its own did.
    func end(_ worker: pid_t) {
        kill(worker, SIGKILL)
        proxy.dropAll()
    }

    /// The path of a job's source while the job has it.
    func path(_ id: String) -> String { tree.workspace + "/jobs/image/\(id)/source" }

    private func writtenBytes(_ id: String) -> Int {
        FileStatus(path: path(id)).map { Int($0.sizeBytes) } ?? 0
    }

    func waitForEnd(_ id: String) async throws {
        try await eventually("\(id) ended", within: .seconds(120)) { !ends.of(id).isEmpty }
    }
}
