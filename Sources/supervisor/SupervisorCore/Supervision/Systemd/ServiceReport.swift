internal import JobModel
internal import WorkerProtocol

/// The report to the service manager: what it knows, and what it is to hear next. Pure: transitions return messages,
/// each the lines of one datagram.
struct ServiceReport: Sendable {
    /// The tree as the loop that supervises sees it.
    struct Facts: Sendable, Equatable {
        var wanted = 0
        var ready = 0
        /// Pools that have all their workers ready.
        var isComplete = true
        /// Jobs at the hands of workers.
        var jobs = 0
        /// Workers that still have a process.
        var processes = 0
        /// Pools whose workers keep dying.
        var failing: [String] = []
        /// Why there is no connection to the broker; nil when there is one.
        var brokerProblem: String?
    }

    /// Each round asks for so much more time while the tree starts or stops, as long as the rounds go on. Far more than
    /// lies between two of them.
    static let extensionMicroseconds = 60_000_000
    /// A status is one line of a terminal or two.
    static let longestStatus = 300

    private(set) var isReady = false
    private(set) var isStopping = false
    /// HTTP answers, and the run file is there.
    private var isServing = false
    private var facts: Facts?
    private var refusedReload = false
    private var lastStatus = ""

    /// The loop that supervises has been round.
    mutating func round(_ new: Facts) -> [String] {
        facts = new
        var lines = advance()
        if !isReady || isStopping { lines.append("EXTEND_TIMEOUT_USEC=\(Self.extensionMicroseconds)") }
        return lines + ["WATCHDOG=1"]
    }

    /// The start waits, and goes on with all that is still before it.
    func waiting(_ what: String) -> [String] {
        isReady || isStopping
            ? [] : ["STATUS=waits \(what)", "EXTEND_TIMEOUT_USEC=\(3 * Self.extensionMicroseconds)"]
    }

    /// All that the tree itself has to start is started; workers may not be ready yet.
    mutating func serving() -> [String] {
        isServing = true
        return advance()
    }

    /// - Parameter microseconds: of CLOCK_MONOTONIC, now.
    mutating func reloading(at microseconds: Int64) -> [String] {
        guard isReady, !isStopping else { return [] }
        return ["RELOADING=1", "MONOTONIC_USEC=\(microseconds)", "STATUS=reading the configuration again"]
    }

    mutating func reloaded(isRefused: Bool) -> [String] {
        refusedReload = isRefused
        guard isReady, !isStopping else { return [] }
        lastStatus = ""
        return ["READY=1"] + advance()
    }

    mutating func stopping() -> [String] {
        isStopping = true
        return ["STOPPING=1"] + advance()
    }

    /// The lines that have changed since the manager was last told.
    private mutating func advance() -> [String] {
        var lines: [String] = []
        if !isReady, !isStopping, isServing, let facts, facts.isComplete, facts.brokerProblem == nil {
            isReady = true
            lines.append("READY=1")
        }
        let status = Self.oneLine(words)
        if status != lastStatus {
            lastStatus = status
            lines.append("STATUS=\(status)")
        }
        return lines
    }

    private var words: String {
        guard let facts else { return isStopping ? "stopping" : "starting" }
        if isStopping {
            guard facts.processes > 0 else { return "stopping" }
            return "stopping: \(Self.count(facts.processes, "worker")) may finish or hand back what they do"
        }
        var words = "\(facts.ready) of \(Self.count(facts.wanted, "worker")) ready, \(Self.count(facts.jobs, "job"))"
        if let problem = facts.brokerProblem { words += "; no connection to the broker: \(problem)" }
        if !facts.failing.isEmpty { words += "; workers of \(facts.failing.joined(separator: ", ")) keep dying" }
        if refusedReload { words += "; the new configuration is wrong, so the old one goes on, see the log" }
        return isReady ? words : "starting: " + words
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// A line feed would begin another assignment.
    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\0" ? " " : $0 }.prefix(longestStatus))
    }
}

extension ServiceReport.Facts {
    init(_ pools: [PoolSnapshot], brokerProblem: String?) {
        wanted = pools.reduce(0) { $0 + $1.wanted }
        // A rolling restart has one more for a while.
        ready = pools.reduce(0) { $0 + min($1.ready, $1.wanted) }
        isComplete = pools.allSatisfy { $0.ready >= $0.wanted }
        jobs = pools.reduce(0) { $0 + $1.workers.count { $0.report?.job != nil && $0.processID != nil } }
        processes = pools.reduce(0) { $0 + $1.workers.count { $0.processID != nil } }
        failing = pools.filter(\.isFailing).map(\.name.description)
        self.brokerProblem = brokerProblem
    }
}
