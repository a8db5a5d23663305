internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import Logging
package import Settings
internal import Synchronization

/// Sends every line of this process to its output descriptor and to `media-processor.log`, each from a thread of its
/// own: a caller waits for neither. See ``LogSink``.
package final class LogWriter: Sendable {
    package static let fileName = "media-processor.log"
    /// The time that a process that ends waits for its last lines to be written.
    package static let patience = Duration.seconds(2)
    /// The most bytes of one write. Shorter writes to a pipe are never mixed with those of another process; a file
    /// takes any length.
    private static let (pipeBytes, fileBytes) = (4096, 65_536)

    private let output: LogSink
    private let file: (log: LogFile, sink: LogSink)?
    private let format: Settings.LogFormat
    private let level: Mutex<Logger.Level>
    private let redaction: LogRedaction

    /// - Parameters:
    ///   - settings: `LOG_DIR` and the other keys of logs; and every secret, which no line shows.
    ///   - output: the descriptor that lines go to besides the file; nil for standard output.
    /// - Returns: a writer, and a sentence when the file could not be opened: that is reported, not fatal.
    package static func open(_ settings: Settings, output: Int32? = nil) -> (LogWriter, problem: String?) {
        let directory = settings.logDirectory
        func withoutFile(_ what: String) -> (LogWriter, problem: String?) {
            let problem = "cannot \(what) (errno \(errno)); the log goes to standard output only"
            return (LogWriter(settings, output, file: nil), problem)
        }
        if mkdir(directory, 0o755) != 0, errno != EEXIST { return withoutFile("make the log directory \(directory)") }
        do throws(LogFile.Failure) {
            let rotation = LogFile.Rotation(
                maximumBytes: settings.logMaximumBytes,
                keep: Int(clamping: settings.logKeep)
            )
            let file = try LogFile(directory: directory, name: fileName, rotation: rotation)
            return (LogWriter(settings, output, file: file), nil)
        } catch {
            errno = error.errno
            return withoutFile("open the log file \(directory)/\(fileName)")
        }
    }

    private init(_ settings: Settings, _ output: Int32?, file: LogFile?) {
        let descriptor = output ?? STDOUT_FILENO
        let format = settings.logFormat
        func sink(
            _ bytes: Int,
            _ place: String,
            _ write: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool
        ) -> LogSink {
            LogSink(
                maximumPiece: bytes,
                notice: { dropped, label in
                    let lines = dropped == 1 ? "1 log line was" : "\(dropped) log lines were"
                    let line = LogLine(
                        time: Date(),
                        level: Logger.Level.warning.rawValue,
                        process: label,
                        message: "\(lines) dropped because \(place) could not be written in time",
                        fields: [:]
                    )
                    return Array(line.rendered(as: format).utf8)
                },
                write: write
            )
        }
        // A reader that went away, or a full disk, must not end the work; the other still gets the line.
        self.output = sink(Self.pipeBytes, "standard output") { LogSink.put($0, to: descriptor) }
        self.file = file.map { file in (file, sink(Self.fileBytes, Self.fileName) { file.write($0) }) }
        self.format = format
        level = Mutex(Self.level(settings.logLevel))
        redaction = LogRedaction(secrets: settings.secrets)
    }

    deinit {
        output.end()
        file?.sink.end()
    }

    /// Makes this writer the one of every logger of the process. Call once, before the first logger. A logger's label
    /// is the name of the process that its lines are about.
    package func bootstrap() {
        Self.current.withLock { $0 = self }
        // Whichever way the process ends in order: lines may still wait.
        atexit { LogWriter.current.withLock { $0 }?.flush() }
        LoggingSystem.bootstrap { label in LineHandler(writer: self, label: label) }
    }

    /// Changes the least severe level of every logger that has none of its own.
    package func setLevel(_ new: Settings.LogLevel) { level.withLock { $0 = Self.level(new) } }

    fileprivate var minimumLevel: Logger.Level { level.withLock { $0 } }

    private static func level(_ level: Settings.LogLevel) -> Logger.Level {
        Logger.Level(rawValue: level.rawValue) ?? .info
    }

    /// The writer of all loggers.
    private static let current = Mutex<LogWriter?>(nil)

    /// Waits until all lines so far are written, but not for longer than ``patience``.
    package func flush() { flush(within: Self.patience) }

    /// For ends of a process that skip its exit handlers. Without a writer of all loggers there is nothing to wait for.
    package static func flushCurrent(within time: Duration) { current.withLock { $0 }?.flush(within: time) }

    func flush(within time: Duration) {
        let deadline = DispatchTime.now() + .milliseconds(Int(time / .milliseconds(1)))
        // Both are written meanwhile, each by its own thread.
        file?.sink.flush(until: deadline)
        output.flush(until: deadline)
    }

    /// Opens the log file anew, as after another program has moved it away.
    package func reopen() {
        if let file { file.sink.perform { file.log.reopen() } }
    }

    func write(
        _ message: String,
        _ level: Logger.Level = .info,
        label: String,
        metadata: Logger.Metadata = [:]
    ) {
        let line = LogLine(
            time: Date(),
            level: level.rawValue,
            process: label,
            message: redaction(message),
            fields: metadata.mapValues { redaction("\($0)") }
        )
        let text = Array(line.rendered(as: format).utf8)
        output.append(text, label: label)
        file?.sink.append(text, label: label)
    }
}

private struct LineHandler: LogHandler {
    let writer: LogWriter
    let label: String
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    init(writer: LogWriter, label: String) {
        self.writer = writer
        self.label = label
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? writer.minimumLevel }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { _, new in new } }
        if let explicit = event.metadata { merged.merge(explicit) { _, new in new } }
        if let error = event.error, merged[LogKey.cause] == nil { merged[LogKey.cause] = "\(error)" }
        writer.write("\(event.message)", event.level, label: label, metadata: merged)
    }
}
