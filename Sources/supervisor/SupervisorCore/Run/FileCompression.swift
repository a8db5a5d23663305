internal import Logging
internal import ServiceKit
internal import TempFiles

/// Compresses temp files of jobs that wait, from time to time.
struct FileCompression: Sendable {
    private let tracker: TempFileTracker
    private let rules: CompressionRules
    private let pause: Duration
    private let logger: Logger

    /// - Returns: nil when files are never compressed.
    init?(tracker: TempFileTracker, settings: Settings, logger: Logger) {
        guard settings.compressAfterMinutes > 0 else { return nil }
        let wait = Duration.seconds(settings.compressAfterMinutes * 60)
        self.tracker = tracker
        self.logger = logger
        rules = CompressionRules(
            minimumWait: wait,
            budget: DiskBudget(
                limitBytes: settings.temporaryMaximumBytes,
                minimumFreeBytes: settings.temporaryMinimumFreeBytes
            )
        )
        pause = min(wait, .seconds(60))
    }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: pause) } catch { return }
            do throws(TempFileError) {
                let report = try await tracker.compressWaitingFiles(rules)
                if report.files == 0 && report.failures == 0 { continue }
                logger.info(
                    "temp files of waiting jobs were compressed",
                    metadata: [
                        LogKey.fileCount: "\(report.files)", LogKey.fileBytes: "\(report.plainBytes)",
                        "file.stored.bytes": "\(report.storedBytes)", "failures": "\(report.failures)",
                    ]
                )
            } catch {
                logger.warning("temp files of waiting jobs were not compressed", metadata: [LogKey.cause: "\(error)"])
            }
        }
    }
}
