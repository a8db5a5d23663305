internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs blocking work on a thread that does nothing else meanwhile, away from the cooperative pool, which must never
/// block.
package enum OwnThread {
    /// Whether the caller is on such a thread, and so may block: as work that was given to ``run(politely:_:)``, or as
    /// a task of ``BlockingTaskExecutor``.
    package static var isCurrent: Bool { pthread_getspecific(mark) != nil }

    private static let mark: pthread_key_t = {
        var key = pthread_key_t()
        // Without a key no thread is known to be one of these, which costs only time.
        return pthread_key_create(&key, nil) == 0 ? key : .max
    }()

    /// On the caller's thread, if that is one that may block.
    ///
    /// - Parameter politely: on a thread that comes after all that jobs do.
    package static func run<T: Sendable, E: Error>(
        politely: Bool = false,
        _ body: @escaping @Sendable () throws(E) -> T
    ) async throws(E) -> T {
        if !politely, isCurrent { return try block(body) }
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

    /// Runs work that may block on the caller's thread. Only for a thread that may block: see ``isCurrent``.
    package static func block<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
        guard let worker = Worker.current else { return try body() }
        let wasPart = worker.willBlock()
        defer { worker.didBlock(wasPart) }
        return try body()
    }

    /// Runs `body`, and calls `onCancel` at once when the waiting task is cancelled, so that `body` can end early.
    package static func run<T: Sendable, E: Error>(
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

    /// Runs a part of a task, which others run as well while it blocks.
    ///
    /// Work that a part of a task makes ready is mostly work that it goes on to wait for. So it comes next on the same
    /// thread, unless the part turns out to block: waking another thread for it would cost more than most parts take.
    static func startNext(_ body: @escaping @Sendable () -> Void) {
        if Worker.current?.takeNext(body) != true { startElsewhere(body) }
    }

    private static func startElsewhere(_ part: @escaping @Sendable () -> Void) {
        start { if let worker = Worker.current { worker.runPart(part) } else { part() } }
    }

    static func start(politely: Bool = false, _ body: @escaping @Sendable () -> Void) {
        let hasStarted: Bool
        if politely {
            hasStarted = Worker(
                {
                    // Linux keeps a nice value for each thread, and only root can lower it. So this thread ends with
                    // its work.
                    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
                    body()
                },
                staysForMore: false
            ).start()
        } else if let idle = idle.withLock({ $0.popLast() }) {
            return idle.take(body)
        } else {
            hasStarted = Worker(body, staysForMore: true).start()
        }
        // The process has as many threads as it may have. Dispatch does it when one of its own is free.
        if !hasStarted { DispatchQueue.global().async(execute: body) }
    }

    /// Threads that wait a moment for more work: a stage has some for every job, and threads are dear to make.
    private static let idle = Mutex<[Worker]>([])
    private static let patience = DispatchTimeInterval.seconds(2)

    private final class Worker: Sendable {
        /// State of the thread alone.
        private struct Turn {
            /// Whether the running work is a part of a task that does not block.
            var isPart = false
            /// The work that comes after it.
            var next: (@Sendable () -> Void)?
        }

        private let body: Mutex<(@Sendable () -> Void)?>
        private let turn = Mutex(Turn())
        private let staysForMore: Bool
        private let wake = DispatchSemaphore(value: 0)

        /// The caller's thread.
        static var current: Worker? {
            pthread_getspecific(OwnThread.mark).map { Unmanaged<Worker>.fromOpaque($0).takeUnretainedValue() }
        }

        init(_ body: @escaping @Sendable () -> Void, staysForMore: Bool) {
            self.body = Mutex(body)
            self.staysForMore = staysForMore
        }

        /// Only for one that was taken from the idle ones.
        func take(_ next: @escaping @Sendable () -> Void) {
            body.withLock { $0 = next }
            wake.signal()
        }

        /// Runs a part of a task, and then the parts that have become ready by it.
        func runPart(_ part: @escaping @Sendable () -> Void) {
            var next: (@Sendable () -> Void)? = part
            while let part = next {
                turn.withLock { $0.isPart = true }
                part()
                next = turn.withLock { turn in
                    defer { turn = Turn() }
                    return turn.next
                }
            }
        }

        /// - Returns: false when `body` must not wait for what this thread does.
        func takeNext(_ body: @escaping @Sendable () -> Void) -> Bool {
            let (isTaken, displaced) = turn.withLock { turn -> (Bool, (@Sendable () -> Void)?) in
                guard turn.isPart else { return (false, nil) }
                defer { turn.next = body }
                return (true, turn.next)
            }
            if let displaced { OwnThread.startElsewhere(displaced) }
            return isTaken
        }

        /// - Returns: for ``didBlock(_:)``.
        func willBlock() -> Bool {
            let (wasPart, waiting) = turn.withLock { turn in
                defer { turn = Turn() }
                return (turn.isPart, turn.next)
            }
            if let waiting { OwnThread.startElsewhere(waiting) }
            return wasPart
        }

        func didBlock(_ wasPart: Bool) { turn.withLock { $0.isPart = wasPart } }

        /// - Returns: whether the system gives it a thread.
        func start() -> Bool {
            (try? BlockingThread(named: staysForMore ? "task" : "background") { self.run() }) != nil
        }

        private func run() {
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
