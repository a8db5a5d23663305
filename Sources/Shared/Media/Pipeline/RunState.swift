import CFFmpeg
import Synchronization

/// The state that the threads of one run share: the first failure, the cancel flag, and the caller's closures.
final class RunState: Sendable {
    private struct Reports {
        var progress = 0.0
    }

    private let callbacks: VideoEngine.Callbacks
    private let isStopping = Atomic<Bool>(false)
    private let failure = Mutex<MediaError?>(nil)
    /// Held while a closure of the caller runs, so that they never run concurrently.
    private let reports = Mutex(Reports())
    private let stopActions = Mutex<[@Sendable () -> Void]>([])
    private let decoded = Atomic(0)
    private let encoded = Atomic(0)

    init(callbacks: VideoEngine.Callbacks) {
        self.callbacks = callbacks
    }

    /// For a probe, which makes nothing.
    convenience init(isCancelled: @escaping @Sendable () -> Bool) {
        self.init(
            callbacks: VideoEngine.Callbacks(
                outputPath: { _ in throw MediaError.cancelled },
                isCancelled: isCancelled
            )
        )
    }

    /// Pictures that came out of the decoder, and out of all encoders together.
    var pictures: (decoded: Int, encoded: Int) {
        (decoded.load(ordering: .relaxed), encoded.load(ordering: .relaxed))
    }

    func countDecodedPicture() { decoded.add(1, ordering: .relaxed) }
    func countEncodedPicture() { encoded.add(1, ordering: .relaxed) }

    /// Runs `action` when the run fails; it must wake whoever waits.
    func onStop(_ action: @escaping @Sendable () -> Void) {
        stopActions.withLock { $0.append(action) }
    }

    /// Ends the run. The first failure is the one that is reported; those that follow are its echo.
    func fail(_ error: MediaError) {
        failure.withLock { if $0 == nil { $0 = error } }
        guard !isStopping.exchange(true, ordering: .sequentiallyConsistent) else { return }
        for action in stopActions.withLock({ $0 }) { action() }
    }

    var firstFailure: MediaError? { failure.withLock { $0 } }

    /// True when the run has failed, or the caller wants it to end.
    var shouldStop: Bool {
        if isStopping.load(ordering: .relaxed) { return true }
        guard callbacks.isCancelled() else { return false }
        fail(.cancelled)
        return true
    }

    func checkpoint() throws(MediaError) {
        if shouldStop { throw firstFailure ?? .cancelled }
    }

    func path(for fileName: String) throws(MediaError) -> String {
        do {
            return try reports.withLock { _ in try callbacks.outputPath(fileName) }
        } catch {
            throw MediaError(
                code: .outputRefused,
                message: "no path for \(fileName): \(error)",
                isRetriable: true,
                underlying: error
            )
        }
    }

    /// Asks the caller before a file grows.
    func allowGrowth(of fileName: String, to totalBytes: Int64) throws(MediaError) {
        do { try callbacks.willGrow(fileName, totalBytes) } catch {
            throw MediaError(
                code: .outputRefused,
                message: "\(fileName) may not grow to \(totalBytes) bytes: \(error)",
                isRetriable: true,
                underlying: error
            )
        }
    }

    /// Reports progress in steps of a thousandth at least, and never backwards.
    func report(progress: Double) {
        reports.withLock { reports in
            let clamped = min(max(progress, 0), 1)
            guard clamped >= reports.progress + 0.001 || (clamped == 1 && reports.progress < 1) else { return }
            reports.progress = clamped
            callbacks.progress(clamped)
        }
    }

    func report(fileName: String, totalBytes: Int64) {
        reports.withLock { _ in callbacks.onWrite(fileName, totalBytes) }
    }

    /// For libav's blocking input and output. The state must outlive whatever uses it.
    var interruptCallback: AVIOInterruptCB {
        AVIOInterruptCB(
            callback: { state in
                guard let state else { return 0 }
                return Unmanaged<RunState>.fromOpaque(state).takeUnretainedValue().shouldStop ? 1 : 0
            },
            opaque: Unmanaged.passUnretained(self).toOpaque()
        )
    }
}
