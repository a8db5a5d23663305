internal import Threads

extension BlockingThread {
    /// A thread for the blocking calls of librabbitmq.
    ///
    /// Signals are for the main thread; the SIGPIPE of a TLS write must not end the process.
    ///
    /// - Parameter stackBytes: The C library decodes nested tables by recursion; a frame of 128 KiB can nest 26,000
    ///   deep.
    /// - Throws: `.systemError` when the system refuses another thread.
    static func forBroker(
        named name: String,
        stackBytes: Int = 32 << 20,
        _ body: @escaping @Sendable () -> Void
    ) throws(AMQPError) -> BlockingThread {
        do throws(ThreadError) {
            return try BlockingThread(named: name, stackBytes: stackBytes, blocksSignals: true, body)
        } catch {
            throw AMQPError(
                .systemError,
                "no thread for the broker's connection (errno \(error.errno)); raise the process limit",
                isRetriable: true
            )
        }
    }
}
