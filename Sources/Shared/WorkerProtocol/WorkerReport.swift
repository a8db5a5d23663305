internal import FoundationEssentials
package import JobModel

/// A worker's report to its supervisor: one line of JSON on an inherited descriptor soon after something changes, and
/// at least every `Settings.reportInterval`.
package struct WorkerReport: Sendable, Codable, Equatable {
    package enum State: String, Sendable, Codable {
        case starting
        /// Connected, queues declared, consuming.
        case ready
        case disconnected
        case draining
    }

    package struct Counters: Sendable, Codable, Equatable {
        package var completed = 0
        package var failed = 0
        package var retried = 0
        package var rejected = 0
        package var duplicates = 0
        /// The durations of the stage's completed work.
        package var durations: DurationHistogram?
        /// Jobs that ended here, by outcome.
        package var ended: [String: Int]?
        package var cleaning: CleaningCounters?

        package init() {}
    }

    package var state: State
    package var stage: Stage?
    /// Why the broker takes no messages from it now, as the broker says; only a publisher is told.
    package var brokerAlarm: String?
    /// The job it works on.
    package var job: String?
    /// Which attempt of the stage at that job this is, counted from 1, and how many there may be.
    package var attempt: Int64?
    package var attemptLimit: Int64?
    /// The progress of the stage, 0 to 100.
    package var progress: Int?
    /// Counts the progress of the stage's work on the job: it is a stall when the count stays the same. nil while there
    /// is no such work, as when the worker waits for a job or for the broker.
    package var activity: UInt64?
    /// Hosts that are away or overloaded, with the jobs of this worker that wait for each, most of them first; at most
    /// ``maximumHosts``. nil while there are none.
    package var hostsAway: [HostAbsence]?
    package var counters: Counters
    package var residentBytes: Int64
    /// Processor time since the worker's start, in seconds.
    package var cpuSeconds: Double?

    /// A line must fit into what the kernel writes at once.
    package static let maximumHosts = 5

    package init(state: State, stage: Stage? = nil) {
        self.state = state
        self.stage = stage
        counters = Counters()
        residentBytes = 0
    }

    /// One line, with the line feed.
    package func line() -> [UInt8] {
        let encoder = JSONEncoder()
        guard var bytes = try? [UInt8](encoder.encode(self)) else { return [] }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// nil when the line is no report.
    package init?(line: some Sequence<UInt8>) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line)) else { return nil }
        self = report
    }
}
