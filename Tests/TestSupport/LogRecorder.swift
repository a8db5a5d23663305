package import Logging
import Synchronization

/// Keeps what was logged, and lets a test wait for it.
package final class LogRecorder: Sendable {
    package struct Line: Sendable, CustomStringConvertible {
        package var level: Logger.Level
        package var message: String
        package var metadata: [String: String]

        package var description: String { "\(level) \(message) \(metadata)" }
    }

    private let recorded = Mutex<[Line]>([])
    private let stream: AsyncStream<Line>
    private let continuation: AsyncStream<Line>.Continuation

    package init() { (stream, continuation) = AsyncStream.makeStream(of: Line.self) }

    /// All lines so far.
    package var lines: [Line] { recorded.withLock { $0 } }

    /// A logger that records lines of every level.
    package var logger: Logger { Logger(label: "test") { _ in Handler(recorder: self) } }

    /// Waits for a line that contains the text, beyond the one that was waited for before, and returns it with its
    /// metadata.
    package func wait(for text: String) async -> String? {
        for await line in stream where line.description.contains(text) { return line.description }
        return nil
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
            let line = Line(level: event.level, message: event.message.description, metadata: fields)
            recorder.recorded.withLock { $0.append(line) }
            recorder.continuation.yield(line)
        }
    }
}
