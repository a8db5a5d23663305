import AMQP
import JobModel
import Logging
import Queues
import RuntimeSupport
import Synchronization
import Testing

@testable import StageRuntime

@Suite("An outage of a host that jobs need")
struct OutageTests {
    /// A job of one attempt fails with the first one that it loses.
    @Test("of an hour costs no attempt, however often the jobs come back", arguments: [Stage.download, .upload])
    func hour(stage: Stage) async throws {
        let world = try SimulatedWorld(seed: 1, .video, ["MAX_ATTEMPTS": "1"])
        let test = SimulatedProcess(world.simulation, name: "test")
        let process = SimulatedProcess(world.simulation, name: "worker")
        let deliveries = Mutex<[ByteText: Int]>([:])
        let (jobs, outage) = (8, Duration.seconds(3600 - 150))
        let worker = try world.worker(stage, process) { job in
            deliveries.withLock { $0[job.ticket.id, default: 0] += 1 }
            if world.simulation.elapsed >= outage { return job.ticket }
            throw StageFailure(.away, code: "store_unavailable", "the store is away", host: "store.example:443")
        }
        let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        let loop = WorkerLoop(runner: worker.runner, claims: nil, logger: logger)
        let (requests, stop) = AsyncStream.makeStream(of: StopRequest.self)
        let next = world.queue(of: try #require(stage.next))
        try await world.simulation.run(in: test) {
            let life = SimulatedTask(in: process) { try? await loop.run(stop: requests, drainTime: .seconds(3)) }
            for number in 1...jobs {
                var ticket = Ticket(id: ByteText("job-\(number)"), mediaID: "media", kind: .video)
                ticket.sourceKey = "source.mp4"
                if stage != .download { ticket.hop = 3 }
                world.broker.store(AMQPMessage(ticket), in: world.queue(of: stage))
            }
            for _ in 1...4000 where world.broker.messages(in: next).count < jobs {
                try await test.sleep(for: .seconds(1))
            }
            stop.yield(.signal)
            await life.finish()
        }
        let handedOver = world.broker.messages(in: next)
        #expect(handedOver.count == jobs)
        for message in handedOver {
            let fields = try JSONFields(parsing: message.body)
            #expect(fields["failure"] == nil && fields["outcome"]?.textValue ?? "completed" == "completed")
            #expect(fields["attempt"].map { String(decoding: $0.bytes, as: UTF8.self) } == "0")
            #expect(fields["waitedSeconds"] == nil)
        }
        // Each came back some thirty times; the last time was soon after the end of the outage.
        #expect(deliveries.withLock { $0.count } == jobs)
        #expect(
            deliveries.withLock { $0.values.allSatisfy { (25...60).contains($0) } },
            "\(deliveries.withLock { $0 })"
        )
    }

    @Test("that lasts longer costs attempts, and the job fails")
    func longer() async throws {
        let world = try SimulatedWorld(seed: 1, .video, ["MAX_ATTEMPTS": "2"])
        let test = SimulatedProcess(world.simulation, name: "test")
        let process = SimulatedProcess(world.simulation, name: "worker")
        let deliveries = Atomic(0)
        let worker = try world.worker(.download, process) { _ in
            deliveries.add(1, ordering: .relaxed)
            throw StageFailure(.away, code: "store_unavailable", "the store is away", host: "store.example:443")
        }
        let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }
        let loop = WorkerLoop(runner: worker.runner, claims: nil, logger: logger)
        let (requests, stop) = AsyncStream.makeStream(of: StopRequest.self)
        let cleanup = world.queue(of: .cleanup)
        try await world.simulation.run(in: test) {
            let life = SimulatedTask(in: process) { try? await loop.run(stop: requests, drainTime: .seconds(3)) }
            var ticket = Ticket(id: "job", mediaID: "media", kind: .video)
            ticket.sourceKey = "source.mp4"
            world.broker.store(AMQPMessage(ticket), in: world.queue(of: .download))
            for _ in 1...8000 where world.broker.messages(in: cleanup).isEmpty {
                try await test.sleep(for: .seconds(1))
            }
            stop.yield(.signal)
            await life.finish()
        }
        #expect(world.broker.messages(in: cleanup).count == 1)
        #expect(world.simulation.elapsed > .seconds(3600) && world.simulation.elapsed < .seconds(4200))
        #expect((25...60).contains(deliveries.load(ordering: .relaxed)))
    }
}
