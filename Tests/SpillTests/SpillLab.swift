import Files
import Foundation
import JobModel
import JobStore
import Settings
import Spill
import Synchronization
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import Storage

/// A workspace with a real spill store beside it: a directory, or a prefix of the tests' SeaweedFS.
final class SpillLab: Sendable {
    enum Kind: CaseIterable, Sendable {
        case directory
        case bucket
    }

    static let size = 6 << 20

    let lab: Lab
    let kind: Kind
    let url: String
    let store: SpillStores
    let tracker: TempFileTracker
    private let directory: String
    private let server: TestObjectStore?
    private let prefix: String

    /// - Parameter other: another host with the same spill store.
    init(_ kind: Kind, sharing other: SpillLab? = nil) async throws {
        self.kind = kind
        lab = try Lab()
        prefix = other?.prefix ?? TestObjectStore.uniquePrefix("spill")
        directory = other?.directory ?? lab.temporaryDirectory + "/spill store"
        switch kind {
        case .directory:
            server = nil
            url = "file://" + directory.replacingOccurrences(of: " ", with: "%20")
        case .bucket:
            let shared = try await TestObjectStore.shared()
            server = shared
            url = shared.url(prefix)
        }
        var variables = [String: String]()
        variables["SPILL_URL"] = url
        variables["STORAGE_URL"] = "file://" + lab.temporaryDirectory + "/outputs"
        variables["S3_MULTIPART_THRESHOLD_BYTES"] = "5242880"
        variables["S3_PART_BYTES"] = "5242880"
        variables["S3_ACL"] = "public-read"
        // Workers find credentials in their environment, which the tests of one process share.
        store = SpillStores(try Settings.from(variables)) { url, settings throws(StorageError) in
            guard SourceURL.scheme(url) == S3Location.scheme else { return try Stores.forTempFiles(url, settings) }
            let location = try S3Location(url, S3Environment([:]))
            let credentials = S3Credentials(
                accessKeyID: TestObjectStore.accessKey,
                secretAccessKey: TestObjectStore.secretKey
            )
            let client = S3Client(location.endpoint, credentials: S3FixedCredentials(credentials: credentials))
            return S3Store.forTempFiles(location, client, settings.s3)
        }
        tracker = try lab.tracker(spillStore: url)
    }

    func rules(_ change: (inout SpillRules) -> Void = { _ in }) -> SpillRules {
        var rules = SpillRules(store: url, node: "host 1", minimumWait: .seconds(60), minimumFileBytes: 1 << 20)
        change(&rules)
        return rules
    }

    @discardableResult
    func spill(_ store: (any SpillStore)? = nil) async throws -> SpillReport {
        lab.clock.advance(by: 61)
        return try await tracker.spillWaitingFiles(rules(), to: store ?? self.store)
    }

    func fetch(
        _ job: JobKey,
        _ names: [String],
        within budget: DiskBudget = .unlimited,
        from store: (any SpillStore)? = nil
    ) async throws -> FetchReport {
        let lease = try await tracker.lease(job)
        defer { lease.release() }
        let wish = FetchWish(paths: names.map { ByteText($0) }, makesFiles: true, budget: budget)
        return try await tracker.fetchSpilledFiles(job, wish, from: store ?? self.store)
    }

    /// The keys in the store, by a client that is none of ours.
    func keys() async throws -> [String] {
        guard let server else {
            let all = (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []
            return all.filter { path in
                var isDirectory: ObjCBool = false
                return FileManager.default.fileExists(atPath: directory + "/" + path, isDirectory: &isDirectory)
                    && !isDirectory.boolValue
            }.sorted()
        }
        return try await server.keys(prefix + "/").map { String($0.dropFirst(prefix.count + 1)) }.sorted()
    }

    /// All that is in the store, directories included.
    func remains() async throws -> [String] {
        guard let server else { return (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? [] }
        return try await keys() + server.openUploads(prefix + "/")
    }

    func bytes(_ key: String) async throws -> Data? {
        guard let server else { return try? Data(contentsOf: URL(filePath: directory + "/" + key)) }
        return try await server.object(prefix + "/" + key).map { Data($0) }
    }

    /// Puts something in the place of an object, or removes it.
    func replace(_ key: String, by content: Data?) async throws {
        let file = lab.temporaryDirectory + "/replacement"
        guard let server else {
            let path = directory + "/" + key
            guard let content else { return try FileManager.default.removeItem(atPath: path) }
            let parent = URL(filePath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
            return try content.write(to: URL(filePath: path))
        }
        guard let content else {
            try await server.s5cmd("rm", "--raw", "s3://\(TestObjectStore.bucket)/\(prefix)/\(key)")
            return
        }
        try content.write(to: URL(filePath: file))
        try await server.put(file, "\(prefix)/\(key)")
    }

    /// A job that was handed to its next stage with files.
    @discardableResult
    func waitingFile(
        _ name: String = "source",
        _ content: Data = SpillLab.noise(SpillLab.size),
        job: JobKey,
        next: Stage = .process,
        reserving bytes: Int64? = nil,
        within budget: DiskBudget = .unlimited
    ) async throws -> String {
        let lease = try await tracker.lease(job)
        defer { lease.release() }
        _ = try await tracker.jobs.begin(job, StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: nil))
        let plan = try await tracker.planFiles(
            [NewFile(name: name, type: .input, description: "")],
            job: job,
            stage: .download,
            reserving: bytes,
            within: budget
        )
        guard case .planned(let files, _) = plan, let file = files.first else {
            throw LabError(message: "no room: \(plan)")
        }
        let open = try tracker.openForWriting(file)
        try content.withUnsafeBytes { try open.write($0) }
        try open.close()
        try await tracker.commitFiles(files)
        try await tracker.jobs.handedOver(job, to: next, hop: 1)
        return file.absolutePath
    }

    func contents(_ path: String) -> Data? { try? Data(contentsOf: URL(filePath: path)) }

    static func noise(_ count: Int) -> Data {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return Data(
            (0..<count).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state >> 32)
            }
        )
    }

    static func gradient(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 >> 8) }) }
}

/// A spill store with trouble that a test makes, before the real one.
final class TroubledStore: SpillStore {
    enum Call: Sendable, Hashable {
        case put, fetch, delete
    }

    private let store: any SpillStore
    private let troubles = Mutex<[Call: SpillError]>([:])

    init(_ store: any SpillStore) { self.store = store }

    func fail(_ call: Call, _ error: SpillError?) { troubles.withLock { $0[call] = error } }

    private func meet(_ call: Call) throws { if let error = troubles.withLock({ $0[call] }) { throw error } }

    func put(_ path: String, sizeBytes: Int64, sha256: [UInt8], as key: String, in url: String) async throws {
        try meet(.put)
        try await store.put(path, sizeBytes: sizeBytes, sha256: sha256, as: key, in: url)
    }

    func fetch(
        _ key: String,
        sizeBytes: Int64,
        from url: String,
        into write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) async throws {
        try meet(.fetch)
        try await store.fetch(key, sizeBytes: sizeBytes, from: url, into: write)
    }

    func delete(_ key: String, in url: String) async throws {
        try meet(.delete)
        try await store.delete(key, in: url)
    }

    func list(_ folder: String, in url: String) async throws -> [SpillListing] {
        try await store.list(folder, in: url)
    }
}

extension SpillLab {
    /// Begins an upload in parts that nobody completes.
    func beginUpload(_ key: String) async throws {
        let server = try await TestObjectStore.shared()
        try await server.python(
            """
            upload = s3.create_multipart_upload(Bucket=bucket, Key=arguments[0])["UploadId"]
            s3.upload_part(Bucket=bucket, Key=arguments[0], UploadId=upload, PartNumber=1, Body=b"x" * 100)
            """,
            prefix + "/" + key
        )
    }
}
