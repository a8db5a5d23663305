internal import FoundationEssentials
internal import Glibc
public import JobModel
internal import Synchronization

/// What a worker tells its supervisor: one line of JSON on an inherited descriptor whenever something changes, and at least
/// every ``Settings/reportInterval``.
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
        /// Of the stage's work that was completed.
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
    /// Of the stage, 0 to 100.
    public var progress: Int?
    /// Counts what the stage's work on the job has got done: it is a stall when this stays the same. nil while there is no
    /// such work, as when the worker waits for a job or for the broker.
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

/// The worker's end of the status descriptor.
public final class StatusChannel: Sendable {
    private let descriptor: CInt
    private let report: Mutex<WorkerReport>
    private let signs = Atomic<UInt64>(0)

    /// - Parameter descriptor: inherited from the supervisor; nil when the worker was started by hand.
    public init(stage: Stage, descriptor: CInt?) {
        report = Mutex(WorkerReport(state: .starting, stage: stage))
        self.descriptor = descriptor ?? -1
        // A supervisor that does not read must not stop the worker: each line tells all, so a lost one is made up by the next.
        if let descriptor { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    }

    public func update(_ change: (inout WorkerReport) -> Void) {
        guard descriptor >= 0 else { return }
        report.withLock { report in
            change(&report)
            if report.activity != nil { report.activity = signs.load(ordering: .relaxed) }
            report.residentBytes = Self.residentBytes()
            report.cpuSeconds = Self.cpuSeconds()
            let line = report.line()
            _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        }
    }

    /// Sends the report again, as a sign of life.
    public func beat() { update { _ in } }

    /// The job's work has got on. Only counts, so it may be called as often as one likes; the next report tells.
    public func noteActivity() { signs.wrappingAdd(1, ordering: .relaxed) }

    /// Stage work on a job begins, from which on ``noteActivity()`` is expected, or is over.
    public func watchActivity(_ isWatched: Bool) { update { $0.activity = isWatched ? 0 : nil } }

    private static func cpuSeconds() -> Double? {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return nil }
        return Double(time.tv_sec) + Double(time.tv_nsec / 1_000_000) / 1000
    }

    private static func residentBytes() -> Int64 {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 128)
        let count = read(file, &buffer, buffer.count)
        guard count > 0 else { return 0 }
        let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }
}
