internal import CrashPoints
internal import Files
internal import JobModel
internal import StageRuntime
internal import Storage
internal import Synchronization
internal import Threads

/// Writes the bytes of a source into the temp file, and looks at them on their way: whether they can be a source at
/// all, and whether they are those that its server and its job say.
final class Sink: SourceSink {
    private struct State {
        var sizeBytes: Int64?
        var check: ContentCheck
        var comparison: ContentComparison?
        var writeBehind = WriteBehind()
    }

    private let file: OpenFile
    /// Asked before a write with the file's size after it; what it throws ends the download.
    private let willGrow: @Sendable (Int64) throws -> Void
    /// The size by the producer's claim; only for progress.
    private let expectedBytes: Int64?
    private let jobDigest: [UInt8]?
    private let cancellation: CancellationFlag
    private let written = Atomic<Int64>(0)
    private let state: Mutex<State>
    private let didWrite: @Sendable (Int64, Double?) -> Void

    /// - Parameters:
    ///   - jobDigest: the SHA-256 that the job asks for.
    init(
        file: consuming OpenFile,
        kind: MediaKind,
        expectedBytes: Int64?,
        jobDigest: [UInt8]?,
        cancellation: CancellationFlag,
        willGrow: @escaping @Sendable (Int64) throws -> Void,
        didWrite: @escaping @Sendable (Int64, Double?) -> Void
    ) {
        self.file = file
        self.expectedBytes = expectedBytes
        self.jobDigest = jobDigest
        self.cancellation = cancellation
        self.willGrow = willGrow
        self.didWrite = didWrite
        state = Mutex(State(check: ContentCheck(kind)))
    }

    /// Bytes of the source that are in the file.
    var writtenBytes: Int64 { written.load(ordering: .relaxed) }

    /// The bytes that an earlier run has left in the file. Ask before the fetch.
    var progress: FetchRequest.Progress? { PartialSource.progress(of: file) }

    func begin(_ facts: SourceFacts, at start: Int64) throws {
        state.withLock { state in
            state.sizeBytes = facts.sizeBytes
            state.comparison = ContentComparison(facts.checksums, jobDigest)
        }
        if start == 0 { return try PartialSource.begin(file, facts.validator) }
        try willGrow(start)
        try file.truncate(to: start)
        try file.seek(to: 0)
        try look(upTo: start)
        try file.seek(to: start)
        CrashPoint.sourceContinued.cross()
        written.store(start, ordering: .relaxed)
        didWrite(start, nil)
    }

    /// Looks at what an earlier run has written as if it came now: at all of it if there is something to compare.
    private func look(upTo end: Int64) throws {
        let needsAll = state.withLock { $0.comparison?.isEmpty == false }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: needsAll ? 1 << 20 : 1 << 12, alignment: 16)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while position < end {
            try cancellation.check()
            let count = try file.read(into: buffer)
            if count == 0 { break }
            try look(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += Int64(count)
            if !needsAll { break }
            // A sign of life: this may take minutes.
            didWrite(position, nil)
        }
    }

    private func look(_ piece: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            try state.check.look(piece)
            state.comparison?.update(piece)
        }
    }

    func write(_ piece: UnsafeRawBufferPointer) throws {
        let total = writtenBytes + Int64(piece.count)
        try look(piece)
        try willGrow(total)
        try file.write(piece)
        written.store(total, ordering: .relaxed)
        CrashPoint.pieceWritten.cross()
        let size = state.withLock { state in
            state.writeBehind.didWrite(upTo: total, of: file)
            return state.sizeBytes
        }
        let expected = size ?? expectedBytes
        didWrite(total, expected.flatMap { $0 > 0 ? Double(total) / Double($0) : nil })
    }

    /// Concludes about a source that is whole.
    ///
    /// - Throws: `StageFailure` when it is none for the job, or not the one that it should be.
    func finish() throws {
        // The mark is of no use any more: a file that is whole and wrong is brought anew.
        try PartialSource.end(file)
        CrashPoint.sourceWhole.cross()
        try state.withLock { state in
            try state.check.finish()
            try state.comparison?.finish()
        }
    }
}
