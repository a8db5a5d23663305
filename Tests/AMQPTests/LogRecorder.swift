import Logging
import Synchronization

/// Log lines as a stream, so that a test can wait for one.
final class LogRecorder: Sendable {
    let lines: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() {
        (lines, continuation) = AsyncStream.makeStream(of: String.self)
    }

    var logger: Logger {
        var logger = Logger(label: "test", factory: { _ in Handler(continuation: self.continuation) })
        logger.logLevel = .trace
        return logger
    }

    /// Waits for a line that contains the text, and returns it with its metadata.
    func wait(for text: String) async -> String? {
        for await line in lines where line.contains(text) {
            return line
        }
        return nil
    }

    private struct Handler: LogHandler {
        let continuation: AsyncStream<String>.Continuation
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(continuation: AsyncStream<String>.Continuation) {
            self.continuation = continuation
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            continuation.yield("\(event.level) \(event.message) \(all)")
        }
    }
}
