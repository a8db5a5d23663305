internal import Glibc
internal import Synchronization

/// A thread of the operating system for code that may block: unlike the cooperative pool's threads, nobody else waits
/// for it.
///
/// Every thread that this package makes is one of these. A caller that drops the value lets the thread run on alone;
/// the system frees it at its end. ``OwnThread`` keeps such threads for work that comes often.
package final class BlockingThread: Sendable {
    private let handle: pthread_t
    /// Whether somebody has joined it. A handle is joined or detached exactly once.
    private let isJoined = Atomic(false)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - name: of which Linux keeps 15 bytes; see ``ThreadName``.
    ///   - stackBytes: nil for the system's default, mostly 8 MiB.
    ///   - blocksSignals: whether the system delivers no signal to this thread. If false, it has the mask of the
    ///     caller's thread.
    ///   - body: The thread ends when it returns.
    /// - Throws: when the process may have no more threads, or there is no memory for the stack.
    package init(
        named name: String,
        stackBytes: Int? = nil,
        blocksSignals: Bool = false,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        var attributes = pthread_attr_t()
        try Self.check(pthread_attr_init(&attributes), name)
        defer { pthread_attr_destroy(&attributes) }
        if let stackBytes { try Self.check(pthread_attr_setstacksize(&attributes, stackBytes), name) }
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let failure = Self.blockingSignals(if: blocksSignals) {
            pthread_create(
                &handle,
                &attributes,
                { argument in
                    if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                },
                start.toOpaque()
            )
        }
        if failure != 0 { start.release() }
        try Self.check(failure, name)
        self.handle = handle
    }

    deinit { if !isJoined.load(ordering: .acquiring) { pthread_detach(handle) } }

    /// Blocks until the thread has ended. Only the first call does something.
    package func join() {
        if !isJoined.exchange(true, ordering: .acquiringAndReleasing) { pthread_join(handle, nil) }
    }

    /// Runs `body` on a new thread and returns its result. The thread ends with `body`.
    package static func run<R: Sendable>(
        named name: String,
        _ body: @escaping @Sendable () -> R
    ) async throws(ThreadError) -> R {
        let result: Result<R, ThreadError> = await withCheckedContinuation { continuation in
            do throws(ThreadError) {
                _ = try BlockingThread(named: name) { continuation.resume(returning: .success(body())) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    private static func check(_ failure: CInt, _ name: String) throws(ThreadError) {
        if failure != 0 { throw ThreadError(name: name, errno: failure) }
    }

    /// A new thread has the mask of the one that makes it. So no signal can arrive before the mask is set.
    private static func blockingSignals(if isWanted: Bool, _ body: () -> CInt) -> CInt {
        guard isWanted else { return body() }
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }

    private final class Start: Sendable {
        private let name: String
        private let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            ThreadName.set(name)
            body()
        }
    }
}

/// A thread could not be started.
package struct ThreadError: Error, Sendable, Hashable, CustomStringConvertible {
    package var name: String
    package var errno: CInt

    package var description: String {
        "the thread \(name) cannot be started: \(String(cString: strerror(errno))) (errno \(errno))"
    }
}
