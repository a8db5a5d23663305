internal import JobModel
internal import Logging
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// Compresses temp files of jobs that wait, from time to time.
struct FileCompression: MaintenanceService {
    private let tracker: TempFileTracker
    private let rules: CompressionRules
    private let pause: Duration
    private let endCancelled: @Sendable (JobKey) async -> Void
    private let logger: Logger

    /// - Parameter endCancelled: gives a waiting job to clean-up that is to be cancelled.
    /// - Returns: nil when files are never compressed.
    init?(
        tracker: TempFileTracker,
        settings: Settings,
        endCancelled: @escaping @Sendable (JobKey) async -> Void,
        logger: Logger
    ) {
        guard settings.compressAfterMinutes > 0 else { return nil }
        let wait = Duration.seconds(settings.compressAfterMinutes * 60)
        self.tracker = tracker
        self.endCancelled = endCancelled
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
                let report = try await tracker.compressWaitingFiles(rules, endCancelled: endCancelled)
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
