package import Logging

/// The log.
package struct LogSettings: SettingsGroup {
    package static let section = "Logs"

    package let logLevel: Settings.LogLevel
    package let logFormat: Settings.LogFormat
    package let temporaryFileLog: Settings.TemporaryFileLog
    package let logDirectory: String
    /// 0: the log is never rotated.
    package let logMaximumBytes: Int64
    package let logKeep: Int64

    /// The level of the lines that tell what is done with a single temp file.
    package var fileLogLevel: Logger.Level { temporaryFileLog == .each ? .info : .debug }

    package init(_ read: SettingsReader) {
        logLevel = read(
            SettingKey(
                "LOG_LEVEL",
                .word,
                default: .info,
                isReloadable: true,
                "The least severe lines that are logged."
            )
        )
        logFormat = read(
            SettingKey(
                "LOG_FORMAT",
                .word,
                default: .text,
                "`text`: time, level, process, message and fields. `json`: an object a line, with those names."
            )
        )
        temporaryFileLog = read(
            SettingKey(
                "LOG_TEMP_FILES",
                .word,
                default: .each,
                "`each`: what is done with a single temp file (planned, written, uploaded, removed, …) is a line of "
                    + "level info. `summary`: of level debug; a stage's last line tells how many files and bytes it "
                    + "read and made, clean-up's how many it removed."
            )
        )
        logDirectory = read(
            SettingKey(
                "LOG_DIR",
                .path,
                default: "logs",
                "Where `media-processor.log` is written, besides standard output."
            )
        )
        logMaximumBytes = read(
            SettingKey(
                "LOG_MAX_BYTES",
                .integer(0...(1 << 62), zero: "never"),
                unit: "bytes",
                default: 52_428_800,
                "When the log file has grown so large it is renamed to `media-processor.log.1`, and a new one is begun."
            )
        )
        logKeep = read(
            SettingKey(
                "LOG_KEEP",
                .integer(1...1000),
                unit: "files",
                default: 5,
                "How many renamed log files are kept."
            )
        )
    }
}

extension Settings {
    /// How much the log tells of temp files.
    package enum TemporaryFileLog: String, Sendable, CaseIterable {
        /// A line for each thing that is done with each file.
        case each
        /// A line for all that a stage or a clean-up did with them.
        case summary
    }

    package enum LogLevel: String, Sendable, CaseIterable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical
    }

    package enum LogFormat: String, Sendable, CaseIterable {
        case text
        /// One object a line.
        case json
    }
}
