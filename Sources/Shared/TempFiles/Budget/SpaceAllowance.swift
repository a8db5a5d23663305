package import JobModel
internal import Ledger
internal import Synchronization

/// The bytes that one run of a stage may still write. Every write is counted before it happens, from any thread, so
/// that the files of a job never take more than was reserved for it.
package final class SpaceAllowance: Sendable {
    private struct State {
        var usedBytes: Int64
        var grantedBytes: Int64
        /// In whole blocks.
        var sizes: [ByteText: Int64] = [:]
        /// By how much files that were added are expected to grow still, in whole blocks; and all of it together.
        var expected: [ByteText: Int64] = [:]
        var expectedBytes: Int64 = 0
    }

    /// A reservation that was too small grows by this much at once, so that long writes rarely ask.
    static let stepBytes: Int64 = 4 << 20

    private let job: JobKey
    private let state: Mutex<State>
    private let extend: @Sendable (Int64) throws(TempFileError) -> SpaceAnswer

    init(
        job: JobKey,
        usedBytes: Int64,
        grantedBytes: Int64,
        extend: @escaping @Sendable (_ wantedBytes: Int64) throws(TempFileError) -> SpaceAnswer
    ) {
        self.job = job
        self.extend = extend
        state = Mutex(State(usedBytes: usedBytes, grantedBytes: grantedBytes))
    }

    static func unlimited(_ job: JobKey) -> SpaceAllowance {
        SpaceAllowance(job: job, usedBytes: 0, grantedBytes: .max) { _ in .reserved }
    }

    /// Call it before a write makes a file larger. Blocks when the reservation must grow: not for the cooperative pool.
    ///
    /// - Parameters:
    ///   - name: of a file that was planned in this run.
    ///   - sizeBytes: of the file once the write is done. A size that it had before costs nothing.
    /// - Throws: ``TempFileError`` with code `noSpace`, retriable when other jobs hold what is missing.
    package func grow(_ name: String, to sizeBytes: Int64) throws(TempFileError) {
        try state.withLock { state throws(TempFileError) in
            let (key, size) = (ByteText(name), blockRounded(sizeBytes))
            let growth = size - state.sizes[key, default: 0]
            if growth <= 0 { return }
            let expected = min(state.expected[key, default: 0], growth)
            let used = state.usedBytes.addingClamped(growth)
            let wanted = used.addingClamped(state.expectedBytes - expected)
            if wanted > state.grantedBytes { state.grantedBytes = try grant(wanted) }
            state.sizes[key] = size
            state.usedBytes = used
            if expected > 0 {
                state.expected[key, default: 0] -= expected
                state.expectedBytes -= expected
            }
        }
    }

    /// Reserves the sizes that files are expected to have. Blocks when the reservation must grow.
    ///
    /// - Throws: as ``grow(_:to:)``; then nothing is expected.
    func expect(_ files: [NewFile]) throws(TempFileError) {
        let files = files.compactMap { file in file.expectedBytes.map { (ByteText(file.name), blockRounded($0)) } }
        if files.isEmpty { return }
        try state.withLock { state throws(TempFileError) in
            let more = files.reduce(Int64(0)) { $0.addingClamped($1.1) }
            let expected = state.expectedBytes.addingClamped(more)
            let wanted = state.usedBytes.addingClamped(expected)
            if wanted > state.grantedBytes { state.grantedBytes = try grant(wanted) }
            for (name, bytes) in files { state.expected[name, default: 0] += bytes }
            state.expectedBytes = expected
        }
    }

    /// Takes back what ``expect(_:)`` has noted for files that were not added after all.
    func cease(expecting files: [NewFile]) {
        state.withLock { state in
            for file in files {
                guard let bytes = file.expectedBytes else { continue }
                state.expected[ByteText(file.name), default: 0] -= blockRounded(bytes)
                state.expectedBytes -= blockRounded(bytes)
            }
        }
    }

    private func grant(_ wanted: Int64) throws(TempFileError) -> Int64 {
        let generous = wanted.addingClamped(Self.stepBytes)
        if try extend(generous) == .reserved { return generous }
        switch try extend(wanted) {
        case .reserved: return wanted
        case .noRoom(let why): throw refusal(why, isRetriable: true, "it is tried again when other jobs are done")
        case .neverFits(let why): throw refusal(why, isRetriable: false, "raise the limit, or use smaller sources")
        }
    }

    private func refusal(_ why: String, isRetriable: Bool, _ remedy: String) -> TempFileError {
        TempFileError(
            code: .noSpace,
            message: "the temp files of the job \(job) outgrow the disk budget: \(why); \(remedy)",
            isRetriable: isRetriable
        )
    }
}
