internal import JobModel

/// Jobs that are made of the events of buckets.
package struct BucketEventSettings: SettingsGroup {
    package static let section = "Jobs from bucket events"
    static let queueName = "S3_EVENTS_QUEUE"

    /// nil: none are made.
    package let eventsQueue: String?
    /// The first that fits an object makes its job.
    package let eventRules: [EventRule]

    package init(_ read: SettingsReader) {
        eventsQueue = read(
            SettingKey(
                Self.queueName,
                .optional(
                    .text(range: "up to 255 bytes") {
                        $0.utf8.count <= 255 ? nil : "the name of a queue has at most 255 bytes"
                    }
                ),
                default: nil,
                documented: "none: off",
                "Queue of the broker that a bucket's event notifications are bound to ([storage.md]"
                    + "(storage.md#jobs-from-bucket-events)). Each object that appears makes a job. The queue is used "
                    + "as it is, and never declared; QUEUE_PREFIX does not count."
            )
        )
        eventRules = read(
            SettingKey(
                "S3_EVENTS_RULES",
                EventRule.listFormat,
                default: EventRule.standard,
                documented: "`* auto`",
                isReloadable: true,
                "Which objects make which jobs ([storage.md](storage.md#rules)); the first rule that fits counts. "
                    + "PATTERN is a key with at most one `*`, or `s3://bucket/key`. `auto` fits keys whose ending "
                    + "tells the kind, `ignore` makes no job."
            )
        )
    }

    /// Refuses values that cannot be meant.
    func check(_ read: SettingsReader, _ storage: StorageSettings, _ broker: BrokerSettings) {
        guard let eventsQueue else { return }
        if SourceURL.scheme(storage.storageURL) != "s3", storage.s3.sourceBuckets.isEmpty {
            read.refuse(
                Self.queueName,
                "no job may read a bucket; set STORAGE_URL to one (s3://bucket/prefix), or name it in S3_SOURCE_BUCKETS"
            )
        }
        let own = MediaKind.allCases.map { "\(broker.queuePrefix)\($0.rawValue).processing." }
        if own.contains(where: { eventsQueue.utf8.starts(with: $0.utf8) }) {
            read.refuse(
                Self.queueName,
                "`\(eventsQueue.shown)` is a queue of this service; bind one of its own to the bucket's notifications"
            )
        }
    }
}
