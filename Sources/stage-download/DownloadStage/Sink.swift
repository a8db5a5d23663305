internal import CrashPoints
internal import Files
internal import StageRuntime
internal import Synchronization

/// Writes what a store delivers into the temp file, and stops what is too large or no longer wanted.
final class Sink: Sendable {
    private let file: OpenFile
    private let limitBytes: Int64
    /// Asked before a write with the file's size after it; what it throws ends the download.
    private let willGrow: @Sendable (Int64) throws -> Void
    /// The size by the producer's claim; only for progress.
    private let expectedBytes: Int64?
    private let written = Atomic<Int64>(0)
    private let isCancelled = Atomic(false)
    private let didWrite: @Sendable (Int64, Double?) -> Void

    init(
        file: consuming OpenFile,
        limitBytes: Int64,
        expectedBytes: Int64?,
        willGrow: @escaping @Sendable (Int64) throws -> Void,
        didWrite: @escaping @Sendable (Int64, Double?) -> Void
    ) {
        self.file = file
        self.limitBytes = limitBytes
        self.expectedBytes = expectedBytes
        self.willGrow = willGrow
        self.didWrite = didWrite
    }

    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// Called by one thread at a time.
    @Sendable func write(_ piece: UnsafeRawBufferPointer) throws {
        if isCancelled.load(ordering: .relaxed) { throw CancellationError() }
        let (_, total) = written.add(Int64(piece.count), ordering: .relaxed)
        guard total <= limitBytes else {
            throw StageFailure(
                .permanent,
                code: "source_too_large",
                "the source has more than \(limitBytes) bytes; see SOURCE_MAX_BYTES"
            )
        }
        try willGrow(total)
        try file.write(piece)
        CrashPoint.pieceWritten.cross()
        let fraction = expectedBytes.flatMap { $0 > 0 ? Double(total) / Double($0) : nil }
        didWrite(total, fraction)
    }
}
