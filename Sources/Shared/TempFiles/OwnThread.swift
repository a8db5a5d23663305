internal import Glibc

/// Runs blocking work on a thread that lives as long as the work, away from the cooperative pool, which must never block.
enum OwnThread {
    static func run<T: Sendable>(
        _ body: @escaping @Sendable () throws(TempFileError) -> T
    ) async throws(TempFileError) -> T {
        let result: Result<T, TempFileError> = await withCheckedContinuation { continuation in
            let failure = start {
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
        _ body: @escaping @Sendable () throws(TempFileError) -> T,
        onCancel: @Sendable () -> Void
    ) async throws(TempFileError) -> T {
        // The operation's result keeps its error type, which the cancellation handler would widen.
        let result: Result<T, TempFileError> = await withTaskCancellationHandler {
            do throws(TempFileError) {
                return .success(try await run(body))
            } catch {
                return .failure(error)
            }
        } onCancel: {
            onCancel()
        }
        return try result.get()
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// 0, or an errno when the thread was not started and `body` will not run.
    private static func start(_ body: @escaping @Sendable () -> Void) -> CInt {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread,
            &attributes,
            { context in
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            },
            work.toOpaque()
        )
        if failure != 0 { work.release() }
        return failure
    }
}
