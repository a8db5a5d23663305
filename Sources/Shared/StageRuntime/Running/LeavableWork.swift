internal import Glibc
internal import JobModel
internal import Logs
internal import Synchronization
internal import Threads

/// The work on the job at hand goes on though it was cancelled, and cannot be waited for.
struct WorkLeftBehind: Error {
    /// Why it was cancelled.
    var cause: any Error
}

/// A stage's work on one job, which is left behind when it does not stop after it was cancelled.
///
/// Code of ours looks at its cancellation at every piece of work. A library's call may not: one picture of a format that is
/// decoded in one piece, a disk that does not answer. A supervisor that drains would kill such a worker and count a death.
final class LeavableWork: Sendable {
    /// From the cancellation to being left behind. A worker that drains has five seconds (see `WatchLimits`), an orphan three.
    static let patience = Duration.milliseconds(2500)

    private struct State {
        var result: Result<Ticket, any Error>?
        var waiting: CheckedContinuation<Ticket, any Error>?
        var isLeftBehind = false
    }

    private let state = Mutex(State())
    private let body: @Sendable () async throws -> Ticket

    init(_ body: @escaping @Sendable () async throws -> Ticket) { self.body = body }

    /// Whether the work may still go on. Then nothing of its job may be touched before the process is gone.
    var isLeftBehind: Bool { state.withLock { $0.isLeftBehind } }

    /// Returns when the work is over; once the calling task is cancelled, after ``patience`` at the latest.
    ///
    /// - Throws: what the work throws; ``WorkLeftBehind``.
    func run() async throws -> Ticket {
        let work = Task(executorPreference: BlockingTaskExecutor.shared) { [self] in
            do { end(.success(try await body())) } catch { end(.failure(error)) }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state in
                    if state.result == nil { state.waiting = continuation }
                    return state.result
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            work.cancel()
            Task { [self] in
                // Nobody cancels it, and it holds nothing.
                try? await Task.sleep(for: Self.patience)
                end(.failure(WorkLeftBehind(cause: CancellationError())), leavingBehind: true)
            }
        }
    }

    /// The first end counts.
    private func end(_ result: Result<Ticket, any Error>, leavingBehind: Bool = false) {
        let waiting = state.withLock { state -> CheckedContinuation<Ticket, any Error>? in
            guard state.result == nil else { return nil }
            state.result = result
            state.isLeftBehind = leavingBehind
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?.resume(with: result)
    }

    /// At once: what runs at an orderly exit must not meet threads that are at work.
    /// Only the log gets its last lines, and a moment for that.
    static func endProcess(_ status: CInt) -> Never {
        LogWriter.flushCurrent(within: .milliseconds(500))
        _exit(status)
    }
}
