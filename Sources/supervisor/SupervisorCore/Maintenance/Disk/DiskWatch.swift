internal import Files
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import Settings
internal import TempFiles

/// Looks at the file system of the temp files and keeps the alert. The kernel announces no such thing, so it is asked.
actor DiskWatch: MaintenanceService {
    static let interval = Duration.seconds(15)

    private let space: @Sendable () -> FileSystemSpace?
    /// The workspace's.
    private let path: String
    private let logger: Logger
    private let announce: @Sendable (DiskAlertNotice) -> Void
    private var alert: DiskAlert

    /// - Parameters:
    ///   - space: the space that there is now; nil when the system does not say.
    ///   - announce: hears of each change, in order.
    init(
        path: String,
        space: @escaping @Sendable () -> FileSystemSpace?,
        percent: Double,
        logger: Logger,
        announce: @escaping @Sendable (DiskAlertNotice) -> Void
    ) {
        self.path = path
        self.space = space
        self.logger = logger
        self.announce = announce
        alert = DiskAlert(percent: percent)
    }

    /// Runs until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            _ = look()
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    /// The space that there is now, and whether the alert is up; nil when the system does not say.
    func look() -> (space: FileSystemSpace, isAlert: Bool)? {
        guard let space = space() else { return nil }
        let metadata: Logger.Metadata = [
            "disk.used.percent": "\(Int(space.usedPercent))", "disk.free.bytes": "\(space.freeBytes)",
            LogKey.filePath: "\(path)",
        ]
        let change = alert.change(usedPercent: space.usedPercent)
        let isRaised = alert.isRaised
        switch change {
        case .raised:
            logger.warning("the file system of the temp files is filling up", metadata: metadata)
            announce(notice(.raised, space))
        case .cleared:
            logger.notice("the file system of the temp files has room again", metadata: metadata)
            announce(notice(.cleared, space))
        case nil: break
        }
        return (space, isRaised)
    }

    private func notice(_ state: DiskAlertNotice.State, _ space: FileSystemSpace) -> DiskAlertNotice {
        DiskAlertNotice(
            state: state,
            space: space,
            alertPercent: alert.percent,
            host: HostName.current,
            path: path,
            at: Timestamp.string(Date())
        )
    }
}
