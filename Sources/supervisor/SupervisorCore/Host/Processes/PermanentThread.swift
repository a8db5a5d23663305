internal import Glibc

/// A thread of its own for work that blocks, so that it neither holds up the cooperative pool nor ends with a borrowed
/// thread.
enum PermanentThread {
    /// Runs `body` on a new thread and returns what it returns.
    static func run<R: Sendable>(named name: String, _ body: @escaping @Sendable () -> R) async throws(SpawnError) -> R
    {
        let result: Result<R, SpawnError> = await withCheckedContinuation { continuation in
            do throws(SpawnError) {
                try start(named: name) { continuation.resume(returning: .success(body())) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Starts a detached thread.
    static func start(named name: String, _ body: @escaping @Sendable () -> Void) throws(SpawnError) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let box = Unmanaged.passRetained(
            Box {
                setName(name)
                body()
            }
        )
        var thread = pthread_t()
        let failure = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            box.toOpaque()
        )
        guard failure == 0 else {
            box.release()
            throw SpawnError(executable: "the thread \(name)", errno: failure)
        }
        pthread_detach(thread)
    }

    /// For `ps -L` and debuggers. `pthread_setname_np` needs _GNU_SOURCE; the kernel takes the first fifteen
    /// characters.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, min(15, strlen($0))) }
        close(file)
    }
}
