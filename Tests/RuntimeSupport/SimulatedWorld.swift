package import AMQP
import CleanupStage
import Foundation
package import JobModel
import JobStore
import Logging
package import Queues
package import Settings
package import StageRuntime
import Synchronization
package import TempFiles
import WorkerProtocol

/// A broker, the ledger of one host, and workers, in one process and in time of its own.
package final class SimulatedWorld: Sendable {
    package let simulation: Simulation
    package let journal = Journal()
    package let broker: MemoryBroker
    package let ledger: MemoryLedger
    package let settings: Settings
    package let kind: MediaKind

    /// - Parameter seed: nil to run what is ready in order.
    package init(seed: UInt64? = nil, _ kind: MediaKind = .video, _ variables: [String: String] = [:]) throws {
        simulation = Simulation(seed: seed)
        broker = MemoryBroker(simulation, journal)
        ledger = MemoryLedger(simulation, journal)
        settings = try Settings.from(variables)
        self.kind = kind
        for queue in layout.lasting(kind) { broker.declare(queue) }
        for stage in Stage.allCases {
            for delay in layout.retryDelaysMilliseconds {
                broker.declare(layout.retry(kind, stage, delayMilliseconds: delay))
            }
        }
    }

    package var layout: QueueLayout { QueueLayout(names: settings.queueNames, type: settings.queueType) }

    package func queue(of stage: Stage) -> String { layout.work(kind, stage).name }

    /// A worker of a stage.
    ///
    /// - Parameters:
    ///   - fault: asked before each operation on the broker.
    ///   - fails: asked before each step of the ledger.
    ///   - tracker: a real ledger and real files, in place of ``ledger``.
    package func worker(
        _ stage: Stage,
        _ process: SimulatedProcess,
        reports: ReportPipe? = nil,
        fault: @escaping @Sendable (MemoryTransport.Operation) -> MemoryTransport.Fault? = { _ in nil },
        fails: @escaping @Sendable (MemoryBooks.Step) -> Bool = { _ in false },
        claims: (any JobClaims)? = nil,
        on tracker: TempFileTracker? = nil,
        work: @escaping @Sendable (JobContext) async throws -> Ticket
    ) throws -> SimulatedWorker {
        let transport = MemoryTransport(broker, process, fault: fault)
        let memory = MemoryBooks(ledger, process, fails: fails)
        let books: any JobBooks & JobEndBooks = if let tracker { tracker.jobs } else { memory }
        let files: any JobFiles = if let tracker { tracker } else { memory }
        let (journal, random) = (journal, simulation)
        let status = StatusChannel(stage: stage, descriptor: reports?.writeEnd)
        let place = Workplace(
            stage,
            kind,
            settings: settings,
            transport: transport,
            books: books,
            files: files,
            tracker: try tracker ?? Self.unusedTracker.get(),
            claims: claims,
            status: status,
            worker: WorkerLife(name: process.name, processID: 1),
            clock: process,
            process: ProcessSeam(
                executor: process,
                end: { status in
                    journal.note("exit \(status)")
                    process.kill()
                },
                choose: { choices in choices.isEmpty ? nil : choices[random.random(below: choices.count)] }
            ),
            logger: Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        )
        let handler: any StageHandler =
            stage.traits.endsJobs ? ScriptedEnding(work: work) : ScriptedHandler(work: work)
        return SimulatedWorker(
            place: place,
            runner: try JobRunner(place: place, handler: handler),
            transport: transport,
            status: status
        )
    }

    /// Handlers of simulations in memory touch no files.
    private static let unusedTracker = Result { () throws -> TempFileTracker in
        let directory = "/tmp/simulation-\(UUID().uuidString.lowercased())"
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: directory, logger: logger)
        try FileManager.default.removeItem(atPath: directory)
        return tracker
    }
}

/// A worker of a simulation.
package struct SimulatedWorker: Sendable {
    package let place: Workplace
    package let runner: JobRunner
    package let transport: MemoryTransport
    let status: StatusChannel

    /// Tells the supervisor all that was counted.
    package func report() { status.beat() }

    /// Takes the next message of the stage's queue, and settles it.
    package func runNext(of queue: AMQPQueue) async throws {
        let isTransactional = place.stage.traits.endsJobs
        let subscription = try transport.subscribe(to: queue, transactional: isTransactional)
        guard let message = await subscription.next() else { return }
        await runner.run(JobDelivery(message))
    }
}

private struct ScriptedHandler: StageHandler {
    let work: @Sendable (JobContext) async throws -> Ticket

    func run(_ job: JobContext) async throws -> Ticket { try await work(job) }
}

/// Does a script's work, and ends the job as clean-up does.
private struct ScriptedEnding: EndingStage {
    let work: @Sendable (JobContext) async throws -> Ticket

    func run(_ job: JobContext) async throws -> Ticket { try await work(job) }
    func end(_ job: EndingJob) async throws { try await CleanupHandler().end(job) }
    func meetFinished(_ job: EndingJob, _ outcome: JobOutcome) async throws {
        try await CleanupHandler().meetFinished(job, outcome)
    }
}
