internal import AMQP
package import JobModel
package import Logging
internal import Queues
package import Settings
internal import Synchronization
package import TempFiles
internal import Threads
package import WorkerProtocol

/// Where a worker does its work, and with what: the same for all its jobs.
package struct Workplace: Sendable {
    package let stage: Stage
    package let kind: MediaKind
    let settings: Settings
    let publisher: Publisher
    let books: any JobBooks
    let endBooks: any JobEndBooks
    let files: any JobFiles
    /// For handlers.
    let tracker: TempFileTracker
    /// Where spilled files are; nil in tests that have none.
    let spill: (any SpillStore)?
    /// nil when there is no other host.
    let claims: (any JobClaims)?
    let updates: UpdatePublisher
    let status: StatusChannel
    let retryPolicy: RetryPolicy
    /// This host's name in tickets.
    let node: String
    /// This machine's name in failures.
    let host: String
    let worker: WorkerLife
    let process: ProcessSeam
    let logger: Logger

    /// Deliveries in a row that went back to their queue because of trouble.
    let troubles = FailureCount()
    /// The jobs that wait for hosts that are away.
    let waiting = WaitingForHosts()

    /// - Parameters:
    ///   - tracker: for handlers.
    ///   - spill: where spilled files are.
    ///   - claims: nil when there is no other host.
    package init(
        _ stage: Stage,
        _ kind: MediaKind,
        settings: Settings,
        transport: any MessageTransport,
        books: any JobBooks & JobEndBooks,
        files: any JobFiles,
        tracker: TempFileTracker,
        spill: (any SpillStore)? = nil,
        claims: (any JobClaims)? = nil,
        status: StatusChannel,
        worker: WorkerLife,
        clock: any RuntimeClock,
        process: ProcessSeam,
        logger: Logger
    ) {
        self.stage = stage
        self.kind = kind
        self.settings = settings
        let topology = Topology(layout: settings.queueLayout, kind: kind)
        publisher = Publisher(transport: transport, topology: topology, clock: clock, logger: logger)
        self.books = books
        endBooks = books
        self.files = files
        self.tracker = tracker
        self.spill = spill
        self.claims = claims
        updates = UpdatePublisher(
            transport: transport,
            topology: topology,
            maximumLength: settings.maximumUpdates,
            clock: clock,
            logger: logger
        )
        self.status = status
        retryPolicy = RetryPolicy(maximumAttempts: settings.attemptLimits[stage])
        node = settings.nodeName
        host = HostName.current
        self.worker = worker
        self.process = process
        self.logger = logger
    }

    var clock: any RuntimeClock { publisher.clock }
    var topology: Topology { publisher.topology }

    /// Where a watch ticket waits between two looks.
    var watchQueue: AMQPQueue { topology.retry(stage, delayMilliseconds: RetryPolicy.leaseDelayMilliseconds) }

    /// Whether what belongs together is published and acknowledged in one transaction; otherwise it is confirmed before
    /// it is acknowledged. A transaction says nothing about quorum queues: RabbitMQ answers its commit as if all was
    /// well even when a queue has refused a message of it.
    var usesTransactions: Bool { topology.layout.type == .classic }

    /// Shortest time between two updates of one step: as the job's producer asks, within bounds.
    func progressInterval(of ticket: Ticket) -> Duration {
        let asked = ticket.progressIntervalSeconds ?? settings.progressIntervalSeconds
        return .seconds(asked.isFinite ? min(max(asked, 0.1), 86_400) : settings.progressIntervalSeconds)
    }
}

/// The runtime's side of its own process, which a test has none of.
package struct ProcessSeam: Sendable {
    /// Runs a stage's work, which may block.
    let executor: any TaskExecutor
    /// Ends the process at once, with a status. Returns only where something stands for a process.
    let end: @Sendable (CInt) -> Void
    /// One of several equal choices.
    let choose: @Sendable ([Int]) -> Int?

    package init(
        executor: any TaskExecutor,
        end: @escaping @Sendable (CInt) -> Void,
        choose: @escaping @Sendable ([Int]) -> Int?
    ) {
        self.executor = executor
        self.end = end
        self.choose = choose
    }

    package static let current = ProcessSeam(
        executor: BlockingTaskExecutor.shared,
        end: { LeavableWork.endProcess($0) },
        choose: { $0.randomElement() }
    )
}

/// Failures in a row, for the length of the next pause.
final class FailureCount: Sendable {
    private let count = Atomic(0)

    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    func reset() { count.store(0, ordering: .relaxed) }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

extension Workplace {
    /// A job at this stage as a handler gets it.
    ///
    /// - Parameter files: what the ledger had of the job's files when the stage started.
    package func context(of ticket: Ticket, files: [TempFileEntry], logger: Logger? = nil) -> JobContext {
        context(of: ticket, files: files, telemetry(of: ticket, logger ?? self.logger), logger ?? self.logger)
    }

    func context(
        of ticket: Ticket,
        files: [TempFileEntry],
        _ telemetry: JobTelemetry,
        _ logger: Logger
    ) -> JobContext {
        JobContext(
            ticket: ticket,
            stage: stage,
            tracker: tracker,
            spill: spill,
            files: files,
            logger: logger,
            telemetry: telemetry
        )
    }

    func telemetry(of ticket: Ticket, wait: JobWait? = nil, _ logger: Logger) -> JobTelemetry {
        JobTelemetry(
            ticket: ticket,
            stage: stage,
            wait: wait,
            books: books,
            files: files,
            updates: updates,
            status: status,
            interval: progressInterval(of: ticket),
            clock: clock,
            logger: logger
        )
    }
}
