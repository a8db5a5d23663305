internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import Logging

/// Sends every line of this process to standard output and to `media-processor.log`.
///
/// All processes of a tree append to one file: a line is one `write(2)` on a descriptor opened with `O_APPEND`, so lines of
/// different processes never mix.
public final class LogWriter: Sendable {
    public static let fileName = "media-processor.log"

    private let descriptors: [CInt]
    private let processName: String

    /// - Parameter directory: where the log file is; nil for standard output alone.
    /// - Returns: a writer, and a sentence when the file could not be opened: that is reported, not fatal.
    public static func open(directory: String?, processName: String) -> (LogWriter, problem: String?) {
        guard let directory else { return (LogWriter([STDOUT_FILENO], processName), nil) }
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            return (
                LogWriter([STDOUT_FILENO], processName),
                "cannot make the log directory \(directory) (errno \(errno)); logging to standard output only"
            )
        }
        let path = directory + "/" + fileName
        let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        if file < 0 {
            return (
                LogWriter([STDOUT_FILENO], processName),
                "cannot open the log file \(path) (errno \(errno)); logging to standard output only"
            )
        }
        return (LogWriter([STDOUT_FILENO, file], processName), nil)
    }

    private init(_ descriptors: [CInt], _ processName: String) {
        self.descriptors = descriptors
        self.processName = processName
    }

    deinit { for descriptor in descriptors where descriptor != STDOUT_FILENO { close(descriptor) } }

    /// Makes this writer the one of every logger of the process. Call once, before the first logger.
    public func bootstrap(level: Settings.LogLevel) {
        let minimum = Logger.Level(rawValue: level.rawValue) ?? .info
        LoggingSystem.bootstrap { label in
            LineHandler(writer: self, label: label, logLevel: minimum)
        }
    }

    fileprivate func write(level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata) {
        var line = "\(Timestamp.string(Date())) \(Self.padded(level)) \(processName): \(Self.oneLine("\(message)"))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(key)=\(Self.quoted("\(value)"))"
        }
        line += "\n"
        var bytes = Array(line.utf8)
        bytes.withUnsafeMutableBytes { buffer in
            for descriptor in descriptors {
                // A reader that went away, or a full disk, must not end the work; the other descriptor still gets the line.
                _ = Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            }
        }
    }

    private static func padded(_ level: Logger.Level) -> String {
        level.rawValue + String(repeating: " ", count: max(0, 8 - level.rawValue.count))
    }

    /// What a message or file name brings along cannot begin a line of its own.
    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return text.unicodeScalars.map {
            switch $0 {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0)
            }
        }.joined()
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 < 0x7F }
        if plain, !text.isEmpty { return text }
        return "\"" + oneLine(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
            + "\""
    }
}

private struct LineHandler: LogHandler {
    let writer: LogWriter
    let label: String
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { _, new in new } }
        if let explicit = event.metadata { merged.merge(explicit) { _, new in new } }
        writer.write(level: event.level, message: event.message, metadata: merged)
    }
}
