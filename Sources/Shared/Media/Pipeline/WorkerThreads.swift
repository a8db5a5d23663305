import Glibc
import Threads

/// Threads of the operating system that end together: every group must be joined.
struct WorkerThreads: ~Copyable {
    private var threads: [pthread_t] = []

    /// - Parameter name: see ``ThreadName``.
    mutating func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(MediaError) {
        let context = Unmanaged.passRetained(
            Body {
                ThreadName.set(name)
                run()
            }
        )
        var thread = pthread_t()
        let status = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                body.run()
                return nil
            },
            context.toOpaque()
        )
        guard status == 0 else {
            context.release()
            throw MediaError(
                code: .outOfResources,
                message: "no thread could be started: error \(status)",
                isRetriable: true,
                errorNumber: status
            )
        }
        threads.append(thread)
    }

    /// Waits for the end of all of them.
    consuming func join() {
        for thread in threads { pthread_join(thread, nil) }
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(run: @escaping @Sendable () -> Void) {
            self.run = run
        }
    }
}
