internal import JobModel

extension Settings {
    /// Every key there is, in the order of the reference page.
    public static let catalogue: [SettingKey] = [
        Keys.configurationFile,
        Keys.temporaryDirectory, Keys.stateDirectory, Keys.storageURL, Keys.fileSourceRoots, Keys.maximumSourceBytes,
        Keys.cleanupIntervalHours, Keys.orphanGraceMinutes, Keys.jobRetentionHours,
        Keys.jobMaximumAgeHours, Keys.alertPercent, Keys.alertWebhookURL, Keys.temporaryMaximumBytes,
        Keys.temporaryMinimumFreeBytes, Keys.temporaryExpansionFactor, Keys.shutdownCleanup, Keys.compressAfterMinutes,
        Keys.brokerURL, Keys.reconnectMaximumSeconds, Keys.queuePrefix, Keys.queueType, Keys.queueDeliveryLimit,
        Keys.queueMaximumPriority,
        Keys.nodeID, Keys.maximumUpdates, Keys.longWorkSeconds, Keys.progressIntervalSeconds,
        Keys.runAs, Keys.httpAddress, Keys.port, Keys.httpHosts, Keys.apiToken, Keys.workers, Keys.drainSeconds,
        Keys.heartbeatTimeoutSeconds, Keys.stallSeconds, Keys.maximumAttempts, Keys.stageMaximumAttempts,
        Keys.maximumStarts,
        Keys.logLevel, Keys.logFormat, Keys.temporaryFileLog, Keys.logDirectory, Keys.logMaximumBytes, Keys.logKeep,
        Keys.videoLadder, Keys.videoPreset, Keys.videoCRF, Keys.audioKilobits, Keys.keepsOriginal, Keys.codecThreads,
        Keys.thumbnailInterval, Keys.thumbnailSide,
        Keys.imageVariants, Keys.imageJPEGQuality, Keys.imageAlphaFormat, Keys.imageMegapixels,
        Keys.videoKey, Keys.thumbnailKey, Keys.imageKey,
    ]

    enum Keys {
        private static let files = "Files"
        private static let broker = "Broker"
        private static let processes = "Processes"
        private static let logs = "Logs"
        private static let media = "Media"

        static let configurationFile = SettingKey(
            "CONFIG_FILE",
            section: files,
            type: "path",
            default: "none",
            "More settings, as lines of `KEY=VALUE`; `#` begins a comment line. What the environment sets, the file cannot change. "
                + "Read at the start and at SIGHUP."
        )
        static let temporaryDirectory = SettingKey(
            "TEMP_DIR",
            section: files,
            type: "path",
            default: "/tmp",
            "Where `media-processor/`, the workspace of all temp files, is made. A local file system."
        )
        static let stateDirectory = SettingKey(
            "STATE_DIR",
            section: files,
            type: "path",
            default: "state",
            "Data that outlives a restart: the private broker's messages and the run file that the CLI reads. Nobody but root and "
                + "the tree's user may be able to write to it or to a directory above it, unless that is sticky."
        )
        static let storageURL = SettingKey(
            "STORAGE_URL",
            section: files,
            type: "URL",
            default: "`file://` and `./media-output` made absolute",
            isReloadable: true,
            "The object store: sources are read from it by key, outputs are written to it."
        )
        static let fileSourceRoots = SettingKey(
            "FILE_SOURCE_ROOTS",
            section: files,
            type: "paths, `:` between",
            default: "`/` with the private broker, else none",
            isReloadable: true,
            "Directories that a `file:` source of a job may lie in. With the private broker only the owner of STATE_DIR can "
                + "submit jobs, who can read those files anyway; on a shared broker anyone who can publish could."
        )
        static let maximumSourceBytes = SettingKey(
            "SOURCE_MAX_BYTES",
            section: files,
            type: "integer",
            unit: "bytes",
            default: "53687091200",
            range: "1 to 2^62",
            isReloadable: true,
            "A larger source fails its job."
        )
        static let cleanupIntervalHours = SettingKey(
            "CLEANUP_INTERVAL_HOURS",
            section: files,
            type: "number",
            unit: "hours",
            default: "6",
            range: "0.01 to 8760",
            "Time between two sweeps for orphaned temp files. One runs at start as well."
        )
        static let orphanGraceMinutes = SettingKey(
            "ORPHAN_GRACE_MINUTES",
            section: files,
            type: "number",
            unit: "minutes",
            default: "60",
            range: "0 to 525600",
            "A file in the workspace that no ledger row names is left alone until it is older than this."
        )
        static let jobRetentionHours = SettingKey(
            "JOB_RETENTION_HOURS",
            section: files,
            type: "number",
            unit: "hours",
            default: "168",
            range: "1 to 87600",
            "How long a finished job is remembered, so that a late duplicate of its message is recognised. Time in which the "
                + "tree does not run, or has no broker, does not count."
        )
        static let jobMaximumAgeHours = SettingKey(
            "JOB_MAX_AGE_HOURS",
            section: files,
            type: "number",
            unit: "hours",
            default: "24",
            range: "0.001 to 87600",
            "A job that has begun, that no worker holds, and of which nothing was heard for so long while the tree ran, had "
                + "its broker and had workers of the job's stage, is failed and cleaned up. Must be longer than a job may wait between two stages."
        )
        static let alertPercent = SettingKey(
            "TEMP_ALERT_PERCENT",
            section: files,
            type: "number",
            unit: "per cent",
            default: "90",
            range: "1 to 100",
            "When so much of TEMP_DIR's file system is used, `/health` is degraded and the log warns. It recovers by itself "
                + "two per cent below."
        )
        static let alertWebhookURL = SettingKey(
            "ALERT_WEBHOOK_URL",
            section: files,
            type: "URL",
            default: "none",
            range: "http or https",
            isSecret: true,
            "Gets a JSON object by POST when that alert is raised and when it is cleared. A call that fails is repeated with "
                + "growing pauses for about an hour. Redirects are not followed."
        )
        static let temporaryMaximumBytes = SettingKey(
            "TEMP_MAX_BYTES",
            section: files,
            type: "integer",
            unit: "bytes",
            default: "0",
            range: "0 (no limit) to 2^62",
            "What all temp files of this host may take together. A job waits before its download until there is room; one "
                + "that could never fit fails."
        )
        static let temporaryMinimumFreeBytes = SettingKey(
            "TEMP_MIN_FREE_BYTES",
            section: files,
            type: "integer",
            unit: "bytes",
            default: "134217728",
            range: "0 to 2^62",
            "What must stay free on TEMP_DIR's file system. A job that would take more waits before its download."
        )
        static let temporaryExpansionFactor = SettingKey(
            "TEMP_EXPANSION_FACTOR",
            section: files,
            type: "number",
            unit: "times the source",
            default: "3",
            range: "1 to 1000",
            isReloadable: true,
            "What a download reserves for its job: the size of the source times this, for the source and all that is made "
                + "of it. A job that outgrows it reserves more as it writes."
        )
        static let compressAfterMinutes = SettingKey(
            "COMPRESS_AFTER_MINUTES",
            section: files,
            type: "number",
            unit: "minutes",
            default: "0",
            range: "0 to 525600",
            "Temp files of a job that waits longer than this for its next stage are compressed until it begins, if they shrink "
                + "by a fifth or more. 0: never."
        )
        static let shutdownCleanup = SettingKey(
            "SHUTDOWN_CLEANUP",
            section: files,
            type: "word",
            default: "resume",
            range: "resume, all",
            "What happens to temp files at an orderly stop. `resume`: they stay, and each belongs to a job that goes on from "
                + "there at the next start. `all`: those jobs are given back to download and the workspace is emptied."
        )
        static let brokerURL = SettingKey(
            "RABBITMQ_URL",
            section: broker,
            type: "URL",
            default: "unset: a private broker is started",
            isSecret: true,
            "`amqp://user:password@host:port/vhost`, or `amqps:` for TLS; of a cluster several, `,` between, which are tried in "
                + "turn. `?cacertfile=/path` names the certificates in PEM that TLS trusts instead of the system's, "
                + "`?heartbeat=10` the seconds between two signs of life. Certificates are always verified."
        )
        static let reconnectMaximumSeconds = SettingKey(
            "RECONNECT_MAX_SECONDS",
            section: broker,
            type: "number",
            unit: "seconds",
            default: "30",
            range: "0.1 to 3600",
            "While the broker is away, tries to connect come at growing intervals up to this."
        )
        static let queuePrefix = SettingKey(
            "QUEUE_PREFIX",
            section: broker,
            type: "text",
            default: "empty",
            range: "up to 64 characters",
            "Put before the name of every queue."
        )
        static let queueType = SettingKey(
            "QUEUE_TYPE",
            section: broker,
            type: "word",
            default: "classic",
            range: QueueType.allCases.map(\.rawValue).joined(separator: ", "),
            "`classic`: queues as existing clients declare them. `quorum`: queues that most nodes of a cluster keep; clients "
                + "have to declare theirs as [broker.md](broker.md) says."
        )
        static let queueDeliveryLimit = SettingKey(
            "QUEUE_DELIVERY_LIMIT",
            section: broker,
            type: "integer",
            unit: "deliveries",
            default: "20",
            range: "4 to 1000000",
            "How often a quorum queue delivers a message again before the job is failed with the reason `delivery_limit`."
        )
        static let queueMaximumPriority = SettingKey(
            "QUEUE_MAX_PRIORITY",
            section: broker,
            type: "integer",
            default: "0",
            range: "0 (no priorities) to 9",
            "Work queues are declared with `x-max-priority`, and jobs of a higher `priority` overtake. Clients that declare the "
                + "download queue must do the same. Queues that exist without it are used as they are, without priorities. "
                + "Only with classic queues."
        )
        static let nodeID = SettingKey(
            "NODE_ID",
            section: broker,
            type: "text",
            default: "none",
            range: "1 to 64 of `a`–`z`, `A`–`Z`, `0`–`9`, `-`, `_`",
            "This host's name among several that share a broker. They share the download queues; all that follows a download "
                + "has queues of the host's own. No two hosts may have the same, and a host keeps its own for ever."
        )
        static let maximumUpdates = SettingKey(
            "UPDATES_MAX_LENGTH",
            section: broker,
            type: "integer",
            unit: "messages",
            default: "100000",
            range: "0 (no limit) to 2^31",
            isReloadable: true,
            "An updates queue that nobody reads is kept below it: the oldest progress updates are dropped, and while it is full "
                + "new ones are left out. Terminal updates are always sent and never dropped."
        )
        static let longWorkSeconds = SettingKey(
            "LONG_WORK_SECONDS",
            section: broker,
            type: "number",
            unit: "seconds",
            default: "1200",
            range: "1 to 86400",
            "After so long the message of a job that is worked on is acknowledged, and a watch ticket stands in for it. Must be "
                + "at least a minute less than the broker's `consumer_timeout`, which is 1800 unless somebody changed it."
        )
        static let progressIntervalSeconds = SettingKey(
            "PROGRESS_INTERVAL_SECONDS",
            section: broker,
            type: "number",
            unit: "seconds",
            default: "5",
            range: "0.1 to 3600",
            isReloadable: true,
            "Shortest time between two progress updates of a job that asks for no interval of its own."
        )
        static let port = SettingKey(
            "PORT",
            section: processes,
            type: "integer",
            default: "8044",
            range: "0 to 65535",
            "HTTP port. 0 takes a free one."
        )
        static let runAs = SettingKey(
            "RUN_AS",
            section: processes,
            type: "USER or USER:GROUP",
            default: "none",
            "The user that a tree started as root becomes before it opens anything, with no capability and no way back. The "
                + "directories must be that user's; the start says what to `chown`. Names or numbers."
        )
        static let httpAddress = SettingKey(
            "HTTP_ADDRESS",
            section: processes,
            type: "IP address",
            default: "127.0.0.1",
            "Where HTTP listens. Any but a loopback address needs API_TOKEN, and then most of what HTTP shows needs it too."
        )
        static let httpHosts = SettingKey(
            "HTTP_HOSTS",
            section: processes,
            type: "names, `,` between",
            default: "none",
            "Names besides those of loopback by which the HTTP interface may be called, such as those of a reverse proxy. By such "
                + "a name the page, health, metrics and the OpenAPI document need no token, and all else does, as every change "
                + "then does by any name. Requests by other names are refused, so that no web page reaches it by a name of its own."
        )
        static let apiToken = SettingKey(
            "API_TOKEN",
            section: processes,
            type: "text",
            default: "a random one for each run",
            range: "16 to 256 printable ASCII characters",
            isSecret: true,
            "What HTTP calls that change something must send as `Authorization: Bearer TOKEN`; when it is set, the dashboard too. "
                + "The CLI finds it in STATE_DIR/supervisor.json."
        )
        static let workers = SettingKey(
            "WORKERS",
            section: processes,
            type: "POOL=COUNT, `,` between",
            default: "1 for each pool",
            range: "0 to \(WorkerCounts.maximumPerPool) for each pool",
            isReloadable: true,
            "Workers by pool, such as `process.video=2,download.image=0`. A pool is a stage (download, process, upload, "
                + "cleanup) and a kind (video, image)."
        )
        static let drainSeconds = SettingKey(
            "DRAIN_SECONDS",
            section: processes,
            type: "number",
            unit: "seconds",
            default: "30",
            range: "0 to 86400",
            "How long a stopping worker may go on with its job before it hands the job back."
        )
        static let heartbeatTimeoutSeconds = SettingKey(
            "HEARTBEAT_TIMEOUT_SECONDS",
            section: processes,
            type: "number",
            unit: "seconds",
            default: "25",
            range: "1 to 3600",
            "A worker that reports nothing for so long hangs: it gets SIGABRT, SIGKILL five seconds later, and a successor."
        )
        static let stallSeconds = SettingKey(
            "STALL_SECONDS",
            section: processes,
            type: "number",
            unit: "seconds",
            default: "600",
            range: "0 (never) to 604800",
            "The same befalls a worker whose job has got on by nothing for so long: no fraction, no byte, no file. Waiting for "
                + "the broker does not count. The job starts again, up to MAX_STARTS."
        )
        static let maximumAttempts = SettingKey(
            "MAX_ATTEMPTS",
            section: processes,
            type: "integer",
            default: "5",
            range: "1 to 100",
            isReloadable: true,
            "Attempts of a stage before a transient failure becomes the job's."
        )
        static let stageMaximumAttempts = SettingKey(
            "STAGE_MAX_ATTEMPTS",
            section: processes,
            type: "STAGE=COUNT, `,` between",
            default: "MAX_ATTEMPTS for each stage",
            range: "1 to 100 for each stage",
            isReloadable: true,
            "Attempts of single stages, such as `download=8,upload=10`. Stages: download, process, upload, cleanup."
        )
        static let maximumStarts = SettingKey(
            "MAX_STARTS",
            section: processes,
            type: "integer",
            default: "3",
            range: "1 to 100",
            isReloadable: true,
            "Starts of a stage, each ended by the worker's death, before the job fails."
        )
        static let logLevel = SettingKey(
            "LOG_LEVEL",
            section: logs,
            type: "word",
            default: "info",
            range: Settings.LogLevel.allCases.map(\.rawValue).joined(separator: ", "),
            isReloadable: true,
            "The least severe lines that are logged."
        )
        static let logDirectory = SettingKey(
            "LOG_DIR",
            section: logs,
            type: "path",
            default: "logs",
            "Where `media-processor.log` is written, besides standard output."
        )
        static let logFormat = SettingKey(
            "LOG_FORMAT",
            section: logs,
            type: "word",
            default: "text",
            range: Settings.LogFormat.allCases.map(\.rawValue).joined(separator: ", "),
            "`text`: time, level, process, message and fields. `json`: an object a line, with those names."
        )
        static let temporaryFileLog = SettingKey(
            "LOG_TEMP_FILES",
            section: logs,
            type: "word",
            default: "each",
            range: Settings.TemporaryFileLog.allCases.map(\.rawValue).joined(separator: ", "),
            "`each`: what is done with a single temp file (planned, written, uploaded, removed, …) is a line of level info. "
                + "`summary`: of level debug; a stage's last line tells how many files and bytes it read and made, clean-up's how "
                + "many it removed."
        )
        static let logMaximumBytes = SettingKey(
            "LOG_MAX_BYTES",
            section: logs,
            type: "integer",
            unit: "bytes",
            default: "52428800",
            range: "0 (never) to 2^62",
            "When the log file has grown so large it is renamed to `media-processor.log.1`, and a new one is begun."
        )
        static let logKeep = SettingKey(
            "LOG_KEEP",
            section: logs,
            type: "integer",
            unit: "files",
            default: "5",
            range: "1 to 1000",
            "How many renamed log files are kept."
        )
        static let videoLadder = SettingKey(
            "VIDEO_LADDER",
            section: media,
            type: "QUALITY=WIDTHxHEIGHT@KBITS, `,` between",
            default: "360p=640x360@800,540p=960x540@1500,720p=1280x720@2500",
            range: "16 to 8192 pixels, 1 to 16 rungs",
            isReloadable: true,
            "The renditions: the box of a landscape source, and the highest bitrate in kbit/s. Never upscaled."
        )
        static let videoPreset = SettingKey(
            "VIDEO_PRESET",
            section: media,
            type: "word",
            default: "veryfast",
            range: Settings.presets.joined(separator: ", "),
            isReloadable: true,
            "x264's preset: slower ones make smaller files."
        )
        static let videoCRF = SettingKey(
            "VIDEO_CRF",
            section: media,
            type: "integer",
            default: "23",
            range: "1 to 51",
            isReloadable: true,
            "x264's constant rate factor, below the ladder's bitrate; lower is better and larger."
        )
        static let audioKilobits = SettingKey(
            "AUDIO_KBITS",
            section: media,
            type: "integer",
            unit: "kbit/s",
            default: "128",
            range: "32 to 512",
            isReloadable: true,
            "AAC bitrate of every rendition."
        )
        static let keepsOriginal = SettingKey(
            "VIDEO_ORIGINAL",
            section: media,
            type: "boolean",
            default: "true",
            isReloadable: true,
            "Whether the source itself is published as the MP4 of quality `original`."
        )
        static let codecThreads = SettingKey(
            "CODEC_THREADS",
            section: media,
            type: "integer",
            default: "0",
            range: "0 to 64",
            isReloadable: true,
            "Threads of each decoder and encoder; 0 lets the media engine choose."
        )
        static let thumbnailInterval = SettingKey(
            "THUMBNAIL_INTERVAL_SECONDS",
            section: media,
            type: "number",
            unit: "seconds",
            default: "15",
            range: "0.1 to 86400",
            isReloadable: true,
            "Time between two thumbnails of a video. There is at least one."
        )
        static let thumbnailSide = SettingKey(
            "THUMBNAIL_SIZE",
            section: media,
            type: "integer",
            unit: "pixels",
            default: "720",
            range: "16 to 8192",
            isReloadable: true,
            "Side of the square that thumbnails fit in."
        )
        static let imageVariants = SettingKey(
            "IMAGE_VARIANTS",
            section: media,
            type: "QUALITY=SIDE, `,` between",
            default: "180p=180,360p=360,720p=720,1080p=1080",
            range: "1 to 16384 pixels, 1 to 16 variants",
            isReloadable: true,
            "The variants of an image and the side in pixels of the square that each fits in. Never enlarged."
        )
        static let imageJPEGQuality = SettingKey(
            "IMAGE_JPEG_QUALITY",
            section: media,
            type: "integer",
            default: "82",
            range: "1 to 100",
            isReloadable: true,
            "JPEG quality of image variants."
        )
        static let imageAlphaFormat = SettingKey(
            "IMAGE_ALPHA_FORMAT",
            section: media,
            type: "word",
            default: "png",
            range: "png, webp",
            isReloadable: true,
            "Format of the variants of an image with transparency; all others are JPEG."
        )
        static let imageMegapixels = SettingKey(
            "IMAGE_MAX_MEGAPIXELS",
            section: media,
            type: "integer",
            unit: "megapixels",
            default: "268",
            range: "1 to 10000",
            isReloadable: true,
            "An image with more pixels fails its job before it is decoded."
        )
        static let videoKey = SettingKey(
            "VIDEO_KEY_TEMPLATE",
            section: media,
            type: "template",
            default: "videos/{mediaId}_{quality}.mp4",
            isReloadable: true,
            "Key of a rendition. Placeholders: \(KeyTemplate.placeholders.map { "`{\($0)}`" }.joined(separator: ", "))."
        )
        static let thumbnailKey = SettingKey(
            "THUMBNAIL_KEY_TEMPLATE",
            section: media,
            type: "template",
            default: "thumbnails/{mediaId}_{index}.jpg",
            isReloadable: true,
            "Key of a video's thumbnail; `{index}` counts from 0."
        )
        static let imageKey = SettingKey(
            "IMAGE_KEY_TEMPLATE",
            section: media,
            type: "template",
            default: "images/{mediaId}_{quality}.{ext}",
            isReloadable: true,
            "Key of an image variant."
        )
    }

    static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    ]
}
