import CFFmpeg
import Synchronization

/// Completes the files of a run, beside each other, and reports how far that has come.
///
/// Sendable because all that changes is behind a mutex.
final class FilesFinishing: Sendable {
    private struct Progress {
        var sizes: [Int64?]
        var movedBytes: Int64 = 0
    }

    private let files: [(output: MP4Output, entry: VideoResult.Output)]
    private let state: RunState
    private let progress: Mutex<Progress>
    private let expectedBytes: Int64
    /// Decoding and encoding are reported up to this share.
    private static let begun = 0.99

    init(_ files: [(MP4Output, VideoResult.Output)], _ state: RunState) {
        self.files = files.map { (output: $0.0, entry: $0.1) }
        self.state = state
        progress = Mutex(Progress(sizes: files.map { _ in nil }))
        expectedBytes = files.reduce(0) { $0 &+ $1.0.writtenBytes }
    }

    /// The sizes of the files in bytes, in their order.
    func run() throws(MediaError) -> [Int64] {
        try state.checkpoint()
        var workers = WorkerThreads()
        do {
            for index in files.indices { try workers.start("index") { [self] in finish(index) } }
        } catch {
            state.fail(error)
        }
        workers.join()
        if let failure = state.firstFailure { throw failure }
        return progress.withLock { $0.sizes.compactMap { $0 } }
    }

    private func finish(_ index: Int) {
        let (output, entry) = files[index]
        do throws(MediaError) {
            try state.checkpoint()
            let size = try output.finish { [self] in note(moved: $0) }
            progress.withLock { $0.sizes[index] = size }
        } catch {
            guard entry.kind == .original, error.code == .internalFailure else { return state.fail(error) }
            // The index is written last, and only then does the muxer look at a copied stream's headers.
            state.fail(.damaged("the source's streams do not fit MP4 (\(error.message))", error.libavCode ?? 0))
        }
    }

    private func note(moved bytes: Int64) {
        let moved = progress.withLock { progress -> Int64 in
            progress.movedBytes += bytes
            return progress.movedBytes
        }
        let share = Double(moved) / Double(max(expectedBytes, 1))
        state.report(progress: Self.begun + (0.999 - Self.begun) * min(share, 1))
    }
}
