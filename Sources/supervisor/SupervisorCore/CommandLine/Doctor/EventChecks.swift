internal import JobModel
internal import Settings
internal import Storage

/// Verdicts on the jobs from bucket events.
enum EventChecks {
    /// - Parameter messages: in the queue; nil when it is not there.
    static func findings(_ settings: Settings, queue: String, messages: Int?) -> [Finding] {
        let check = "events.queue"
        guard let messages else {
            return [
                .warning(
                    check,
                    "the queue \(queue.shown) (S3_EVENTS_QUEUE) is not there, so no jobs are made of bucket events",
                    "declare it, and bind it to the exchange of the bucket's notifications; see docs/storage.md"
                )
            ]
        }
        return [.ok(check, "\(queue.shown) is there, with \(messages) messages")] + rules(settings)
    }

    /// Rules that fit nothing but what this service makes itself.
    private static func rules(_ settings: Settings) -> [Finding] {
        guard let buckets = try? S3Buckets(settings.storage), let own = try? OwnObjects(settings, buckets) else {
            return []
        }
        return own.starts.flatMap { bucket, start in
            settings.eventRules.filter { $0.making != .noJob && $0.isBeneath(start, in: Array(bucket.utf8)) }
                .map { rule in
                    .warning(
                        "events.rules",
                        "the rule `\(rule.description.shown)` can fit only objects below "
                            + "s3://\(bucket)/\(String(decoding: start, as: UTF8.self).shown), where outputs are put, "
                            + "and of those no jobs are made",
                        "let sources lie elsewhere, or give VIDEO_KEY_TEMPLATE, THUMBNAIL_KEY_TEMPLATE, "
                            + "IMAGE_KEY_TEMPLATE and DESTINATION_PREFIXES a beginning of their own"
                    )
                }
        }
    }
}
