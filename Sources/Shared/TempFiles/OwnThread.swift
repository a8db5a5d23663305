internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs blocking work on a thread that does nothing else meanwhile, away from the cooperative pool, which must never block.
enum OwnThread {
    /// - Parameter politely: on a thread that comes after all that jobs do.
    static func run<T: Sendable>(
        politely: Bool = false,
        _ body: @escaping @Sendable () throws(TempFileError) -> T
    ) async throws(TempFileError) -> T {
        let result: Result<T, TempFileError> = await withCheckedContinuation { continuation in
            let failure = start(politely: politely) {
                do throws(TempFileError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if failure != 0 {
                let error = TempFileError(
                    code: .fileSystem,
                    message: "no thread for file work (errno \(failure)); raise the process's task limit",
                    isRetriable: true,
                    errno: failure
                )
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Runs `body`, and calls `onCancel` at once when the waiting task is cancelled, so that `body` can end early.
    static func run<T: Sendable>(
        politely: Bool = false,
        _ body: @escaping @Sendable () throws(TempFileError) -> T,
        onCancel: @Sendable () -> Void
    ) async throws(TempFileError) -> T {
        // The operation's result keeps its error type, which the cancellation handler would widen.
        let result: Result<T, TempFileError> = await withTaskCancellationHandler {
            do throws(TempFileError) {
                return .success(try await run(politely: politely, body))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            onCancel()
        }
        return try result.get()
    }

    /// 0, or an errno when no thread was started and `body` will not run.
    private static func start(politely: Bool, _ body: @escaping @Sendable () -> Void) -> CInt {
        if politely {
            let work: @Sendable () -> Void = {
                // Linux keeps a nice value for each thread, and who is not root can only raise it. So this one ends with its work.
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                body()
            }
            return Worker(work, staysForMore: false).start()
        }
        if let idle = idle.withLock({ $0.popLast() }) {
            idle.take(body)
            return 0
        }
        return Worker(body, staysForMore: true).start()
    }

    /// Threads that wait a moment for more work: a stage has some for every job, and threads are dear to make.
    private static let idle = Mutex<[Worker]>([])
    private static let patience = DispatchTimeInterval.seconds(2)

    private final class Worker: Sendable {
        private let body: Mutex<(@Sendable () -> Void)?>
        private let staysForMore: Bool
        private let wake = DispatchSemaphore(value: 0)

        init(_ body: @escaping @Sendable () -> Void, staysForMore: Bool) {
            self.body = Mutex(body)
            self.staysForMore = staysForMore
        }

        /// Only for one that was taken from the idle ones.
        func take(_ next: @escaping @Sendable () -> Void) {
            body.withLock { $0 = next }
            wake.signal()
        }

        /// 0, or an errno.
        func start() -> CInt {
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
            let worker = Unmanaged.passRetained(self)
            var thread = pthread_t()
            let failure = pthread_create(
                &thread,
                &attributes,
                { context in
                    if let context { Unmanaged<Worker>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                },
                worker.toOpaque()
            )
            if failure != 0 { worker.release() }
            return failure
        }

        private func run() {
            while let work = body.withLock({ $0.take() }) {
                work()
                guard staysForMore else { return }
                idle.withLock { $0.append(self) }
                guard wake.wait(timeout: .now() + patience) == .timedOut else { continue }
                let wasIdle = idle.withLock { idle in
                    guard let place = idle.firstIndex(where: { $0 === self }) else { return false }
                    idle.remove(at: place)
                    return true
                }
                // Taken at the last moment: the work is coming.
                if wasIdle { return }
                wake.wait()
            }
        }
    }
}
