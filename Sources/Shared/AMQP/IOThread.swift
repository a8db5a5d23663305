import CRabbitMQ
import Glibc

/// A permanent thread of its own for blocking calls, so that they never hold the cooperative pool.
struct IOThread: Sendable {
    private let handle: pthread_t

    /// - Parameter stackBytes: The C library decodes nested tables by recursion; a frame of 128 KiB can nest 26,000
    /// deep.
    /// - Throws: `.systemError` when the system refuses another thread.
    init(
        name: String,
        stackBytes: Int = 32 << 20,
        _ body: @escaping @Sendable () -> Void
    ) throws(AMQPError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let status = pthread_create(
            &handle,
            &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            start.toOpaque()
        )
        guard status == 0 else {
            start.release()
            throw AMQPError(
                .systemError,
                "no thread for the broker's connection (errno \(status)); raise the process limit",
                isRetriable: true
            )
        }
        self.handle = handle
    }

    /// Waits for the thread's end. To be called once, and not together with `detach`.
    func join() {
        pthread_join(handle, nil)
    }

    /// Lets the thread clean up after itself. To be called once, and not together with `join`.
    func detach() {
        pthread_detach(handle)
    }

    private final class Start: Sendable {
        private let name: String
        private let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            // Signals are for the main thread; SIGPIPE of a TLS write must not end the process.
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, nil)
            // The kernel keeps 15 bytes.
            crabbitmq_name_thread(String(decoding: name.utf8.prefix(15), as: UTF8.self))
            body()
        }
    }
}
