/// The workspace of temp files: how full it may become, and when it is swept.
package struct TemporaryFileSettings: SettingsGroup {
    package static let section = "Files"

    package let cleanupIntervalHours: Double
    package let orphanGraceMinutes: Double
    package let jobRetentionHours: Double
    package let jobMaximumAgeHours: Double
    package let alertPercent: Double
    package let alertWebhook: WebhookURL?
    /// 0: no limit.
    package let temporaryMaximumBytes: Int64
    package let temporaryMinimumFreeBytes: Int64
    /// The disk space that a download reserves, in sizes of its source.
    package let temporaryExpansionFactor: Double
    package let shutdownCleanup: Settings.ShutdownCleanup
    /// 0: files are never compressed.
    package let compressAfterMinutes: Double

    package init(_ read: SettingsReader) {
        cleanupIntervalHours = read(
            SettingKey(
                "CLEANUP_INTERVAL_HOURS",
                .number(0.01...8760),
                unit: "hours",
                default: 6,
                "Time between two sweeps for orphaned temp files. One runs at start as well."
            )
        )
        orphanGraceMinutes = read(
            SettingKey(
                "ORPHAN_GRACE_MINUTES",
                .number(0...525_600),
                unit: "minutes",
                default: 60,
                "A file in the workspace that no ledger row names is left alone until it is older than this."
            )
        )
        jobRetentionHours = read(
            SettingKey(
                "JOB_RETENTION_HOURS",
                .number(1...87_600),
                unit: "hours",
                default: 168,
                "How long a finished job is remembered, so that a late duplicate of its message is recognised. Time in "
                    + "which the tree does not run, or has no broker, does not count."
            )
        )
        jobMaximumAgeHours = read(
            SettingKey(
                "JOB_MAX_AGE_HOURS",
                .number(0.001...87_600),
                unit: "hours",
                default: 24,
                "A job that has begun, that no worker holds, and of which nothing was heard for so long while the tree "
                    + "ran, had its broker and had workers of the job's stage, is failed and cleaned up. Must be "
                    + "longer than a job may wait between two stages."
            )
        )
        alertPercent = read(
            SettingKey(
                "TEMP_ALERT_PERCENT",
                .number(1...100),
                unit: "per cent",
                default: 90,
                "When so much of TEMP_DIR's file system is used, `/health` is degraded and the log warns. It recovers "
                    + "by itself two per cent below."
            )
        )
        alertWebhook = read(
            SettingKey(
                "ALERT_WEBHOOK_URL",
                .optional(WebhookURL.format),
                default: nil,
                documented: "none",
                isSecret: true,
                "Gets a JSON object by POST when that alert is raised and when it is cleared. A call that fails is "
                    + "repeated with growing pauses for about an hour. Redirects are not followed."
            )
        )
        temporaryMaximumBytes = read(
            SettingKey(
                "TEMP_MAX_BYTES",
                .integer(0...(1 << 62), zero: "no limit"),
                unit: "bytes",
                default: 0,
                "What all temp files of this host may take together. A job waits before its download until there is "
                    + "room; one that could never fit fails."
            )
        )
        temporaryMinimumFreeBytes = read(
            SettingKey(
                "TEMP_MIN_FREE_BYTES",
                .integer(0...(1 << 62)),
                unit: "bytes",
                default: 134_217_728,
                "What must stay free on TEMP_DIR's file system. A job that would take more waits before its download."
            )
        )
        temporaryExpansionFactor = read(
            SettingKey(
                "TEMP_EXPANSION_FACTOR",
                .number(1...1000),
                unit: "times the source",
                default: 3,
                isReloadable: true,
                "What a download reserves for its job: the size of the source times this, for the source and all that "
                    + "is made of it. A job that outgrows it reserves more as it writes."
            )
        )
        shutdownCleanup = read(
            SettingKey(
                "SHUTDOWN_CLEANUP",
                .word,
                default: .resume,
                "What happens to temp files at an orderly stop. `resume`: they stay, and each belongs to a job that "
                    + "goes on from there at the next start. `all`: those jobs are given back to download and the "
                    + "workspace is emptied."
            )
        )
        compressAfterMinutes = read(
            SettingKey(
                "COMPRESS_AFTER_MINUTES",
                .number(0...525_600),
                unit: "minutes",
                default: 0,
                "Temp files of a job that waits longer than this for its next stage are compressed until it begins, if "
                    + "they shrink by a fifth or more. 0: never."
            )
        )
    }
}

extension Settings {
    /// The fate of temp files at an orderly stop.
    package enum ShutdownCleanup: String, Sendable, CaseIterable {
        /// Leaves them to the jobs that go on from there.
        case resume
        /// Gives those jobs back to download and empties the workspace.
        case all
    }
}
