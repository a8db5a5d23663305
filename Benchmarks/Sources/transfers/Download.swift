internal import Digests
internal import Files
internal import JobModel
internal import Logging
internal import Settings
internal import Storage
internal import Synchronization
internal import TempFiles

/// Brings a source into a temp file of a ledger of its own: disk is reserved, each write is counted before it happens,
/// the bytes are compared with a checksum, and the file is on the device in the end.
struct Download {
    struct Trouble: Error {
        var words: String
    }

    private let source: any Source
    private let digest: String?
    private let settings: Settings

    init(url: String, digest: String?, _ settings: Settings) throws {
        source = try Sources(settings.storage).source(url)
        self.digest = digest
        self.settings = settings
    }

    func run(in directory: String) async throws {
        let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        let tracker = try TempFileTracker.open(temporaryDirectory: directory, logger: logger)
        let key = JobKey(kind: .video, id: "job")
        guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else {
            throw Trouble(words: "the job's lease is taken")
        }
        defer { lease.release() }
        let size = try await source.probe().sizeBytes
        let answer = try await tracker.planFiles(
            [NewFile(name: "source", type: .input, description: "source \(source)")],
            job: key,
            stage: .download,
            reserving: size,
            within: DiskBudget(limitBytes: 1 << 40, minimumFreeBytes: 1)
        )
        guard case .planned(let files, let allowance) = answer else { throw Trouble(words: "no room: \(answer)") }
        let sink = FileSink(try tracker.openForContinuing(files[0]), allowance, hasDigest: digest != nil)
        try await source.fetch(FetchRequest(limitBytes: settings.maximumSourceBytes), into: sink)
        if let digest, sink.digest() != digest { throw Trouble(words: "the source has another SHA-256") }
        try await tracker.commitFiles(files)
    }
}

/// The part of stage-download's sink that costs time for each byte.
private final class FileSink: SourceSink {
    private let file: OpenFile
    private let allowance: SpaceAllowance
    private let running: RunningDigest?
    private let written = Mutex((bytes: Int64(0), behind: WriteBehind()))

    init(_ file: consuming OpenFile, _ allowance: SpaceAllowance, hasDigest: Bool) {
        self.file = file
        self.allowance = allowance
        running = hasDigest ? RunningDigest(.sha256) : nil
    }

    func begin(_ facts: SourceFacts, at start: Int64) throws {}

    func write(_ piece: UnsafeRawBufferPointer) throws {
        running?.update(piece)
        try written.withLock { written in
            written.bytes += Int64(piece.count)
            try allowance.grow("source", to: written.bytes)
            try file.write(piece)
            written.behind.didWrite(upTo: written.bytes, of: file)
        }
    }

    func digest() -> String? { running.map { Hexadecimal.text($0.finish()) } }
}
