public import JobModel
public import Logging

/// The configuration of all processes. Each key is an environment variable; `docs/configuration.md` is the reference page.
public struct Settings: Sendable {
    // Files
    public var temporaryDirectory: String
    public var stateDirectory: String
    /// Absolute path of the file that some of these settings may come from.
    public var configurationFile: String?
    public var storageURL: String
    /// Directories that a `file:` source may lie in.
    public var fileSourceRoots: [String]
    public var maximumSourceBytes: Int64
    public var cleanupIntervalHours: Double
    public var orphanGraceMinutes: Double
    public var jobRetentionHours: Double
    public var jobMaximumAgeHours: Double
    public var alertPercent: Double
    public var alertWebhook: WebhookURL?
    /// 0: no limit.
    public var temporaryMaximumBytes: Int64
    public var temporaryMinimumFreeBytes: Int64
    /// What a download reserves, in sizes of its source.
    public var temporaryExpansionFactor: Double

    public var shutdownCleanup: ShutdownCleanup
    /// 0: files are never compressed.
    public var compressAfterMinutes: Double

    // Broker
    /// nil: the supervisor runs a private broker and tells its workers the URL.
    public var brokerURL: String?
    /// The longest wait between two tries to connect.
    public var reconnectMaximumSeconds: Double
    public var queuePrefix: String
    public var queueType: QueueType
    /// Of quorum queues.
    public var queueDeliveryLimit: Int64
    /// 0: queues without priorities.
    public var queueMaximumPriority: Int64
    /// nil: no other host shares the broker.
    public var nodeID: String?
    public var maximumUpdates: Int64
    /// After which a watch ticket stands in for the message of a job.
    public var longWorkSeconds: Double
    public var progressIntervalSeconds: Double

    // Processes
    /// What a tree started as root becomes; nil to stay what it is.
    public var runAs: RunAs?
    /// An IP address, or `localhost`.
    public var httpAddress: String
    /// Further names by which clients reach the HTTP interface, in lower case.
    public var httpHosts: [String]
    public var port: Int
    /// nil: a random one for each run.
    public var apiToken: String?
    public var workers: WorkerCounts
    public var drainSeconds: Double
    public var heartbeatTimeoutSeconds: Double
    /// 0: a job may take as long as it likes to get on.
    public var stallSeconds: Double
    public var attemptLimits: AttemptLimits
    public var maximumStarts: Int64

    // Logs
    public var logLevel: LogLevel
    public var logFormat: LogFormat
    public var temporaryFileLog: TemporaryFileLog
    public var logDirectory: String
    /// 0: the log is never rotated.
    public var logMaximumBytes: Int64
    public var logKeep: Int64

    // Media
    public var videoLadder: [VideoRung]
    public var videoPreset: String
    public var videoCRF: Int64
    public var audioKilobitsPerSecond: Int64
    public var keepsOriginal: Bool
    public var codecThreads: Int64
    public var thumbnailIntervalSeconds: Double
    public var thumbnailSide: Int64
    public var imageVariants: [ImageVariant]
    public var imageJPEGQuality: Int64
    public var imageAlphaFormat: AlphaFormat
    public var imageMaximumMegapixels: Int64
    public var videoKeyTemplate: KeyTemplate
    public var thumbnailKeyTemplate: KeyTemplate
    public var imageKeyTemplate: KeyTemplate

    /// Every key that was read with its value as text, for `/info`; secrets are replaced.
    public var effective: [(name: String, value: String)]
    /// The values of all secret keys that are set, for leaving them out of the log.
    public var secrets: [String]

    public var queueNames: QueueNames { QueueNames(prefix: queuePrefix, node: nodeID) }

    /// Whose files a ticket's are: the `node` of tickets.
    public var nodeName: String { nodeID ?? HostName.current }

    /// How much the log tells of temp files.
    public enum TemporaryFileLog: String, Sendable, CaseIterable {
        /// A line for each thing that is done with each file.
        case each
        /// What a stage or a clean-up did with all of them.
        case summary
    }

    /// Of the lines that tell what is done with a single temp file.
    public var fileLogLevel: Logger.Level { temporaryFileLog == .each ? .info : .debug }

    public enum LogLevel: String, Sendable, CaseIterable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical
    }

    public enum LogFormat: String, Sendable, CaseIterable {
        case text
        /// One object a line.
        case json
    }

    /// What an orderly stop does with temp files.
    public enum ShutdownCleanup: String, Sendable, CaseIterable {
        /// Leaves them to the jobs that go on from there.
        case resume
        /// Gives those jobs back to download and empties the workspace.
        case all
    }

    public enum AlphaFormat: String, Sendable, CaseIterable {
        case png
        case webp
    }

    /// A rendition's box and its ceiling.
    public struct VideoRung: Sendable, Hashable {
        public var quality: String
        public var width: Int
        public var height: Int
        public var bitrateBitsPerSecond: Int64
    }

    public struct ImageVariant: Sendable, Hashable {
        public var quality: String
        /// Of the square that the variant fits in, in pixels.
        public var side: Int
    }
}
