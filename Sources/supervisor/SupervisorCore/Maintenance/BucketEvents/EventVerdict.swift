internal import JobModel
internal import Queues

/// The outcome of an event.
enum EventVerdict: Sendable, Equatable {
    case job(EntryMessage)
    /// - Parameter detail: for the log.
    case dropped(Reason, detail: String)

    /// Why no job is made of an event. The names are labels of a metric.
    enum Reason: String, Sendable, Hashable, CaseIterable {
        /// No object has appeared: one was removed, read, or a configuration was tried.
        case otherEvent = "other_event"
        /// An upload in parts has begun.
        case begun
        /// No job may read the bucket.
        case foreignBucket = "foreign_bucket"
        /// The object is one that this service makes.
        case ownOutput = "own_output"
        /// The key is no UTF-8, too long, or that of a folder; or it makes no media id.
        case unusableKey = "unusable_key"
        case noRule = "no_rule"
        /// A rule says so.
        case ignored
        /// The event has made a job before.
        case duplicate
        /// A later event of the same key has made a job before.
        case outdated
    }
}

/// What became of events since the supervisor started.
struct BucketEventCounts: Sendable, Codable, Equatable {
    /// Messages that were acknowledged.
    var messages: UInt64 = 0
    /// Messages among them that are dead letters now.
    var refused: UInt64 = 0
    /// Jobs that were made.
    var jobs: UInt64 = 0
    /// Events without a job, by reason.
    var dropped: [String: UInt64] = Dictionary(
        uniqueKeysWithValues: EventVerdict.Reason.allCases.map { ($0.rawValue, 0) }
    )

    mutating func drop(_ reason: EventVerdict.Reason) { dropped[reason.rawValue, default: 0] += 1 }
}

/// The state of the jobs from bucket events, for `GET /info`, `/health` and `/metrics`.
struct BucketEventStatus: Sendable, Codable, Equatable {
    var queue: String
    /// Why no events are taken now; absent while they are.
    var problem: String?
    var counts: BucketEventCounts
}
