/// How many workers there are, and how long they have.
package struct SupervisionSettings: SettingsGroup {
    package static let section = "Processes"

    package let workers: WorkerCounts
    package let drainSeconds: Double
    package let heartbeatTimeoutSeconds: Double
    /// 0: a job may take as long as it likes to make progress.
    package let stallSeconds: Double
    package let attemptLimits: AttemptLimits
    package let maximumStarts: Int64

    /// The longest time between two reports of a worker: four or more come before silence or a standstill counts as a
    /// hang.
    package var reportInterval: Duration {
        let timeout = min(heartbeatTimeoutSeconds, stallSeconds > 0 ? stallSeconds : heartbeatTimeoutSeconds)
        return .seconds(min(max(timeout / 4, 0.05), 5))
    }

    package init(_ read: SettingsReader) {
        workers = read(
            SettingKey(
                "WORKERS",
                WorkerCounts.format,
                default: WorkerCounts(),
                documented: "1 for each pool",
                isReloadable: true,
                "Workers by pool, such as `process.video=2,download.image=0`. A pool is a stage (download, process, "
                    + "upload, cleanup) and a kind (video, image)."
            )
        )
        drainSeconds = read(
            SettingKey(
                "DRAIN_SECONDS",
                .number(0...86_400),
                unit: "seconds",
                default: 30,
                "How long a stopping worker may go on with its job before it hands the job back."
            )
        )
        heartbeatTimeoutSeconds = read(
            SettingKey(
                "HEARTBEAT_TIMEOUT_SECONDS",
                .number(1...3600),
                unit: "seconds",
                default: 25,
                "A worker that reports nothing for so long hangs: it gets SIGABRT, SIGKILL five seconds later, and a "
                    + "successor."
            )
        )
        stallSeconds = read(
            SettingKey(
                "STALL_SECONDS",
                .number(0...604_800, zero: "never"),
                unit: "seconds",
                default: 600,
                "The same happens to a worker whose job has made no progress for so long: no fraction, no byte, no "
                    + "file. Waiting for the broker does not count. The job starts again, up to MAX_STARTS."
            )
        )
        let maximumAttempts = read(
            SettingKey(
                "MAX_ATTEMPTS",
                .integer(AttemptLimits.range),
                default: 5,
                isReloadable: true,
                "Attempts of a stage before a transient failure becomes the job's."
            )
        )
        attemptLimits = read(
            SettingKey(
                "STAGE_MAX_ATTEMPTS",
                AttemptLimits.format(common: maximumAttempts),
                default: AttemptLimits(maximumAttempts),
                documented: "MAX_ATTEMPTS for each stage",
                isReloadable: true,
                "Attempts of single stages, such as `download=8,upload=10`. Stages: download, process, upload, cleanup."
            )
        )
        maximumStarts = read(
            SettingKey(
                "MAX_STARTS",
                .integer(1...100),
                default: 3,
                isReloadable: true,
                "Starts of a stage, each ended by the worker's death, before the job fails."
            )
        )
    }
}

/// Whose rights the processes have.
package struct PrivilegeSettings: SettingsGroup {
    package static let section = "Processes"

    /// The user that a tree started as root becomes; nil to stay root.
    package let runAs: RunAs?

    package init(_ read: SettingsReader) {
        runAs = read(
            SettingKey(
                "RUN_AS",
                .optional(RunAs.format),
                default: nil,
                documented: "none",
                "The user that a tree started as root becomes before it opens anything, with no capability and no way "
                    + "back. The directories must be that user's; the start says what to `chown`. Names or numbers."
            )
        )
    }
}
