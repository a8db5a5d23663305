internal import Logging
internal import ServiceKit
internal import TempFiles

/// Looks at the file system of the temp files and keeps the alert. The kernel announces no such thing, so it is asked.
actor DiskWatch {
    static let interval = Duration.seconds(15)

    private let tracker: TempFileTracker
    private let logger: Logger
    private var alert: DiskAlert

    init(tracker: TempFileTracker, percent: Double, logger: Logger) {
        self.tracker = tracker
        self.logger = logger
        alert = DiskAlert(percent: percent)
    }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            _ = look()
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// What there is now, and whether the alert is up; nil when the system does not say.
    func look() -> (space: DiskSpace, isAlert: Bool)? {
        guard let space = try? tracker.space() else { return nil }
        let metadata: Logger.Metadata = [
            "disk.used.percent": "\(Int(space.usedPercent))", "disk.free.bytes": "\(space.freeBytes)",
            LogKey.filePath: "\(tracker.workspace.path)",
        ]
        switch alert.change(usedPercent: space.usedPercent) {
        case .raised: logger.warning("the file system of the temp files is filling up", metadata: metadata)
        case .cleared: logger.notice("the file system of the temp files has room again", metadata: metadata)
        case nil: break
        }
        return (space, alert.isRaised)
    }
}
