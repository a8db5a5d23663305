internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs blocking work on a thread that does nothing else meanwhile, away from the cooperative pool, which must never block.
public enum OwnThread {
    /// Whether the caller is on such a thread, and so may block: as work that was given to ``run(politely:_:)``, or as a task of
    /// ``BlockingTaskExecutor``.
    public static var isCurrent: Bool { pthread_getspecific(mark) != nil }

    private static let mark: pthread_key_t = {
        var key = pthread_key_t()
        // Without a key no thread is known to be one of these, which costs only time.
        return pthread_key_create(&key, nil) == 0 ? key : .max
    }()

    /// On the caller's thread, if that is one that may block.
    ///
    /// - Parameter politely: on a thread that comes after all that jobs do.
    public static func run<T: Sendable, E: Error>(
        politely: Bool = false,
        _ body: @escaping @Sendable () throws(E) -> T
    ) async throws(E) -> T {
        if !politely, isCurrent { return try body() }
        let result: Result<T, E> = await withCheckedContinuation { continuation in
            start(politely: politely) {
                do throws(E) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// Runs `body`, and calls `onCancel` at once when the waiting task is cancelled, so that `body` can end early.
    public static func run<T: Sendable, E: Error>(
        politely: Bool = false,
        _ body: @escaping @Sendable () throws(E) -> T,
        onCancel: @Sendable () -> Void
    ) async throws(E) -> T {
        // The operation's result keeps its error type, which the cancellation handler would widen.
        let result: Result<T, E> = await withTaskCancellationHandler {
            do throws(E) {
                return .success(try await run(politely: politely, body))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            onCancel()
        }
        return try result.get()
    }

    static func start(politely: Bool = false, _ body: @escaping @Sendable () -> Void) {
        let failure: CInt
        if politely {
            failure = Worker(
                {
                    // Linux keeps a nice value for each thread, and who is not root can only raise it. So this one ends with its
                    // work.
                    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                    body()
                },
                staysForMore: false
            ).start()
        } else if let idle = idle.withLock({ $0.popLast() }) {
            return idle.take(body)
        } else {
            failure = Worker(body, staysForMore: true).start()
        }
        // The process has as many threads as it may have. Dispatch does it when one of its own is free.
        if failure != 0 { DispatchQueue.global().async(execute: body) }
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
            let worker = Unmanaged.passRetained(self)
            var thread = pthread_t()
            let failure = pthread_create(
                &thread,
                nil,
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
            pthread_detach(pthread_self())
            pthread_setspecific(OwnThread.mark, Unmanaged.passUnretained(self).toOpaque())
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
