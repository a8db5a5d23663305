internal import AMQP
internal import JobModel
internal import Logging
internal import ServiceKit
internal import Synchronization
internal import TempFiles
internal import Threads

/// Where a worker does its work, and with what: the same for all its jobs.
struct Workplace: Sendable {
    let stage: Stage
    let kind: MediaKind
    let settings: Settings
    let publisher: Publisher
    let books: any JobBooks
    let endBooks: any JobEndBooks
    let files: any JobFiles
    /// For handlers.
    let tracker: TempFileTracker
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

    /// Of deliveries in a row that went back to their queue because of trouble.
    let troubles = FailureCount()

    var clock: any RuntimeClock { publisher.clock }
    var topology: Topology { publisher.topology }

    /// Where a watch ticket waits between two looks.
    var watchQueue: AMQPQueue { topology.retry(stage, delayMilliseconds: RetryPolicy.leaseDelayMilliseconds) }

    /// Whether what belongs together is published and acknowledged in one transaction; otherwise it is confirmed before it is
    /// acknowledged. A transaction says nothing about quorum queues: RabbitMQ answers its commit as if all was well even when a
    /// queue has refused a message of it.
    var usesTransactions: Bool { topology.layout.type == .classic }

    /// Shortest time between two updates of one step: as the job's producer asks, within bounds.
    func progressInterval(of ticket: Ticket) -> Duration {
        let asked = ticket.progressIntervalSeconds ?? settings.progressIntervalSeconds
        return .seconds(asked.isFinite ? min(max(asked, 0.1), 86_400) : settings.progressIntervalSeconds)
    }
}

/// What the runtime wants of its own process, which a test has none of.
struct ProcessSeam: Sendable {
    /// Runs a stage's work, which may block.
    var executor: any TaskExecutor
    /// Ends the process at once, with a status. Returns only where the process stands for one.
    var end: @Sendable (CInt) -> Void
    /// One of several equal choices.
    var choose: @Sendable ([Int]) -> Int?

    static let current = ProcessSeam(
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
