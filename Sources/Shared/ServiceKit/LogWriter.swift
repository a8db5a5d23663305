internal import FoundationEssentials
internal import Glibc
internal import Logging
internal import Synchronization

/// Sends every line of this process to its output descriptor and to `media-processor.log`.
public final class LogWriter: Sendable {
    public static let fileName = "media-processor.log"

    private let output: Int32
    private let file: LogFile?
    private let format: Settings.LogFormat
    private let level: Mutex<Logger.Level>
    private let redaction: LogRedaction

    /// - Parameters:
    ///   - settings: `LOG_DIR` and the other keys of logs; and every secret, which no line shows.
    ///   - output: the descriptor that lines go to besides the file; nil for standard output.
    /// - Returns: a writer, and a sentence when the file could not be opened: that is reported, not fatal.
    public static func open(_ settings: Settings, output: Int32? = nil) -> (LogWriter, problem: String?) {
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
        self.output = output ?? STDOUT_FILENO
        self.file = file
        format = settings.logFormat
        level = Mutex(Self.level(settings.logLevel))
        redaction = LogRedaction(secrets: settings.secrets)
    }

    /// Makes this writer the one of every logger of the process. Call once, before the first logger. A logger's label is the
    /// name of the process that its lines are about.
    public func bootstrap() {
        LoggingSystem.bootstrap { label in LineHandler(writer: self, label: label) }
    }

    /// Changes the least severe level of every logger that has none of its own.
    public func setLevel(_ new: Settings.LogLevel) { level.withLock { $0 = Self.level(new) } }

    fileprivate var minimumLevel: Logger.Level { level.withLock { $0 } }

    private static func level(_ level: Settings.LogLevel) -> Logger.Level {
        Logger.Level(rawValue: level.rawValue) ?? .info
    }

    /// Opens the log file anew, as after another program has moved it away.
    public func reopen() { file?.reopen() }

    fileprivate func write(_ event: LogEvent, label: String, metadata: Logger.Metadata) {
        let line = LogLine(
            time: Date(),
            level: event.level.rawValue,
            process: label,
            message: redaction("\(event.message)"),
            fields: metadata.mapValues { redaction("\($0)") }
        )
        var text = line.rendered(as: format)
        text.withUTF8 { bytes in
            // A reader that went away, or a full disk, must not end the work; the other still gets the line.
            _ = Glibc.write(output, bytes.baseAddress, bytes.count)
            file?.write(UnsafeRawBufferPointer(bytes))
        }
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
        writer.write(event, label: label, metadata: merged)
    }
}
