import AMQP
import JobModel
import Logging
import Queues
import RuntimeSupport
import Synchronization
import TempFiles

@testable import StageRuntime

/// Four stages of one host with a worker each, in one process, under a supervisor that starts dead workers again;
/// workers are killed or drained and connections lost as a seed says.
final class PipelineSimulation: Sendable {
    /// The disturbances of a run.
    struct Troubles: Sendable {
        /// Between two deaths at most; nil for none.
        var killInterval: Duration?
        /// Between two requests to stop at most; nil for none.
        var drainInterval: Duration?
        /// One of so many operations of the broker loses its connection; 0 for none.
        var lossRate = 0
    }

    /// A worker as its supervisor knows it.
    private struct Life: Sendable {
        var process: SimulatedProcess
        var stop: AsyncStream<StopRequest>.Continuation
    }

    /// How long a worker that is asked to stop may go on with its job.
    private static let drainTime = Duration.seconds(3)

    let world: SimulatedWorld
    /// An hour of simulated time, of which a run takes some minutes.
    private static let patienceSeconds = 3600

    private let test: SimulatedProcess
    private let workers = Mutex<[Stage: Life]>([:])
    private let kills = Atomic(0)
    private let losses = Atomic(0)
    private let drainedWorkers = Mutex<[String]>([])
    private let troubles: Troubles

    init(seed: UInt64, _ troubles: Troubles = Troubles(), _ variables: [String: String] = [:]) throws {
        let own = ["LONG_WORK_SECONDS": "20", "MAX_ATTEMPTS": "10"]
        world = try SimulatedWorld(seed: seed, .video, own.merging(variables) { $1 })
        test = SimulatedProcess(world.simulation, name: "test")
        self.troubles = troubles
    }

    var cutOffs: Int { kills.load(ordering: .relaxed) + losses.load(ordering: .relaxed) }
    /// Workers that have drained, each with the faults of its end, such as a lease that it kept.
    var drains: [String] { drainedWorkers.withLock { $0 } }

    /// Runs so many jobs to their ends.
    func run(jobs: Int) async throws {
        try await world.simulation.run(in: test) { [self] in
            for stage in Stage.allCases { _ = SimulatedTask(in: test) { [self] in await keepWorker(of: stage) } }
            if let interval = troubles.killInterval {
                _ = SimulatedTask(in: test) { [self] in await killWorkers(each: interval) }
            }
            if let interval = troubles.drainInterval {
                _ = SimulatedTask(in: test) { [self] in await drainWorkers(each: interval) }
            }
            for number in 1...jobs {
                submit(number)
                try await test.sleep(for: .milliseconds(world.simulation.random(below: 3000)))
            }
            for _ in 1...Self.patienceSeconds {
                if isOver(jobs) { return }
                try await test.sleep(for: .seconds(1))
            }
            throw Simulation.Stuck(
                description: "after \(Self.patienceSeconds) s there are \(left), ended are \(ends.count)"
            )
        }
    }

    private func submit(_ number: Int) {
        var ticket = Ticket(id: "job-\(number)", mediaID: "media", kind: .video)
        ticket.sourceKey = "source.mp4"
        world.broker.store(AMQPMessage(ticket), in: world.queue(of: .download))
        // A producer that heard no confirm sends its job again.
        if world.simulation.random(below: 4) == 0 {
            world.broker.store(AMQPMessage(ticket), in: world.queue(of: .download))
        }
    }

    private func isOver(_ jobs: Int) -> Bool {
        world.ledger.records.count == jobs && world.ledger.records.allSatisfy { $0.state == .finished } && left.isEmpty
    }

    /// Messages that somebody still has to take.
    var left: [String: Int] {
        world.broker.left(but: [world.layout.updates(.video).name, world.layout.dead(.video).name])
    }

    /// The ends that clients have heard of, as they were sent, by job.
    var ends: [ByteText: [[UInt8]]] {
        var ends: [ByteText: [[UInt8]]] = [:]
        for message in world.broker.messages(in: world.layout.updates(.video).name) {
            guard let update = try? JSONFields(parsing: message.body), let id = update["job_id"]?.textValue,
                update["status"]?.textValue != "processing"
            else { continue }
            ends[id, default: []].append(message.body)
        }
        return ends
    }

    /// Messages that a quorum queue has given up, by the stage whose queue it was.
    var givenUp: [String] { world.journal.entries.filter { $0.hasPrefix("given up") } }

    // MARK: - Workers

    private func keepWorker(of stage: Stage) async {
        for life in 1... {
            let process = SimulatedProcess(world.simulation, name: "\(stage.rawValue).video.\(life)")
            let (requests, stop) = AsyncStream.makeStream(of: StopRequest.self)
            workers.withLock { $0[stage] = Life(process: process, stop: stop) }
            let worker = try? world.worker(
                stage,
                process,
                fault: { [self] _ in fault() },
                work: { [self] job in try await work(job, process) }
            )
            guard let worker else { return }
            let loop = WorkerLoop(runner: worker.runner, claims: nil, logger: Self.logger)
            await SimulatedTask(in: process) { try? await loop.run(stop: requests, drainTime: Self.drainTime) }.finish()
            if !process.isDead { end(process) }
            try? await test.sleep(for: .milliseconds(300))
        }
    }

    private static let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    /// Ends the process of a worker that has drained.
    private func end(_ process: SimulatedProcess) {
        let held = world.ledger.heldJobs.count
        process.kill()
        let kept = held - world.ledger.heldJobs.count
        drainedWorkers.withLock { $0.append(kept == 0 ? process.name : "\(process.name) kept \(kept) leases") }
    }

    private func drainWorkers(each interval: Duration) async {
        while true {
            let wait = interval * (1 + world.simulation.random(below: 100)) / 100
            try? await test.sleep(for: wait)
            let stage = Stage.allCases[world.simulation.random(below: Stage.allCases.count)]
            guard let life = workers.withLock({ $0[stage] }), !life.process.isDead else { continue }
            life.stop.yield(.signal)
            // The time that a worker takes to notice that its work is cancelled, and to give the job back.
            try? await test.sleep(for: Self.drainTime + .seconds(10))
            let isSame = workers.withLock { $0[stage]?.process === life.process }
            if isSame { drainedWorkers.withLock { $0.append("\(life.process.name) did not end") } }
        }
    }

    private func killWorkers(each interval: Duration) async {
        while true {
            let wait = interval * (1 + world.simulation.random(below: 100)) / 100
            try? await test.sleep(for: wait)
            let stage = Stage.allCases[world.simulation.random(below: Stage.allCases.count)]
            guard let process = workers.withLock({ $0[stage] })?.process, !process.isDead else { continue }
            kills.add(1, ordering: .relaxed)
            // A worker does many steps at one moment of this time.
            process.die(afterSteps: world.simulation.random(below: 100))
        }
    }

    private func fault() -> MemoryTransport.Fault? {
        guard troubles.lossRate > 0, world.simulation.random(below: troubles.lossRate) == 0 else { return nil }
        losses.add(1, ordering: .relaxed)
        return world.simulation.random(below: 2) == 0 ? .lostBefore : .lostAfter
    }

    // MARK: - Work

    private func work(_ job: JobContext, _ process: SimulatedProcess) async throws -> Ticket {
        let random = world.simulation
        let ledger = world.ledger
        if job.stage == .process || job.stage == .upload, ledger.files(of: job.key).isEmpty {
            throw StageFailure(.sourceGone, code: "file_missing", "no files")
        }
        try await process.sleep(for: .milliseconds(random.random(below: job.stage == .process ? 40_000 : 2_000)))
        if random.random(below: 10) == 0 { throw StageFailure(.transient, code: "test", "it failed") }
        if random.random(below: 40) == 0 { throw StageFailure(.permanent, code: "test", "it failed") }
        switch job.stage {
        case .download, .process:
            let file = TempFileEntry(
                path: ByteText(job.stage.rawValue),
                stage: job.stage.working,
                createdAt: nil,
                sizeBytes: 1,
                type: .intermediate,
                description: "made"
            )
            ledger.add(file, of: job.key)
        case .upload: break
        case .cleanup: ledger.removeFiles(of: job.key)
        }
        return job.ticket
    }
}
