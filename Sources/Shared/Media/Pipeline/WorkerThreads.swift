import Threads

/// Threads that end together: every group must be joined.
struct WorkerThreads: ~Copyable {
    private var threads: [BlockingThread] = []

    /// - Parameter name: see ``ThreadName``.
    mutating func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(MediaError) {
        do throws(ThreadError) {
            threads.append(try BlockingThread(named: name, run))
        } catch {
            throw MediaError(
                code: .outOfResources,
                message: "no thread could be started: error \(error.errno)",
                isRetriable: true,
                errorNumber: error.errno
            )
        }
    }

    /// Waits for the end of all of them.
    consuming func join() {
        for thread in threads { thread.join() }
    }
}
