internal import CrashPoints
internal import Files
internal import Storage
internal import Synchronization

/// Writes the bytes of a source into the temp file.
final class Sink: SourceSink {
    private let file: OpenFile
    /// Asked before a write with the file's size after it; what it throws ends the download.
    private let willGrow: @Sendable (Int64) throws -> Void
    /// The size by the producer's claim; only for progress.
    private let expectedBytes: Int64?
    private let written = Atomic<Int64>(0)
    private let didWrite: @Sendable (Int64, Double?) -> Void

    init(
        file: consuming OpenFile,
        expectedBytes: Int64?,
        willGrow: @escaping @Sendable (Int64) throws -> Void,
        didWrite: @escaping @Sendable (Int64, Double?) -> Void
    ) {
        self.file = file
        self.expectedBytes = expectedBytes
        self.willGrow = willGrow
        self.didWrite = didWrite
    }

    /// The file is new, and nothing was asked for but the whole source.
    func begin(_ facts: SourceFacts, at start: Int64) {}

    func write(_ piece: UnsafeRawBufferPointer) throws {
        let (_, total) = written.add(Int64(piece.count), ordering: .relaxed)
        try willGrow(total)
        try file.write(piece)
        CrashPoint.pieceWritten.cross()
        let fraction = expectedBytes.flatMap { $0 > 0 ? Double(total) / Double($0) : nil }
        didWrite(total, fraction)
    }
}
