internal import FoundationEssentials
public import JobModel

/// A worker's report to its supervisor: one line of JSON on an inherited descriptor soon after something changes, and
/// at least every `Settings.reportInterval`.
public struct WorkerReport: Sendable, Codable, Equatable {
    public enum State: String, Sendable, Codable {
        case starting
        /// Connected, queues declared, consuming.
        case ready
        case disconnected
        case draining
    }

    public struct Counters: Sendable, Codable, Equatable {
        public var completed = 0
        public var failed = 0
        public var retried = 0
        public var rejected = 0
        public var duplicates = 0
        /// The durations of the stage's completed work.
        public var durations: DurationHistogram?
        /// Jobs that ended here, by outcome.
        public var ended: [String: Int]?
        public var cleaning: CleaningCounters?

        public init() {}
    }

    public var state: State
    public var stage: Stage?
    /// Why the broker takes no messages from it now, as the broker says; only a publisher is told.
    public var brokerAlarm: String?
    /// The job it works on.
    public var job: String?
    /// Which attempt of the stage at that job this is, counted from 1, and how many there may be.
    public var attempt: Int64?
    public var attemptLimit: Int64?
    /// The progress of the stage, 0 to 100.
    public var progress: Int?
    /// Counts the progress of the stage's work on the job: it is a stall when the count stays the same. nil while there
    /// is no such work, as when the worker waits for a job or for the broker.
    public var activity: UInt64?
    public var counters: Counters
    public var residentBytes: Int64
    /// Processor time since the worker's start, in seconds.
    public var cpuSeconds: Double?

    public init(state: State, stage: Stage? = nil) {
        self.state = state
        self.stage = stage
        counters = Counters()
        residentBytes = 0
    }

    /// One line, with the line feed.
    public func line() -> [UInt8] {
        let encoder = JSONEncoder()
        guard var bytes = try? [UInt8](encoder.encode(self)) else { return [] }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// nil when the line is no report.
    public init?(line: some Sequence<UInt8>) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line)) else { return nil }
        self = report
    }
}
