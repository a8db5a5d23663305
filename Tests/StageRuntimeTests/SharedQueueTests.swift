import AMQP
import JobModel
import Queues
import RuntimeSupport
import Settings
import Synchronization
import Testing

@testable import StageRuntime

@Suite("A message of the queue that all hosts share")
struct SharedQueueTests {
    /// Says whose a job is, one answer after the other.
    private final class ScriptedClaims: JobClaims {
        let node = "a"
        let isReady = true
        private let answers: Mutex<[String?]>
        let asked = Mutex<[String?]>([])

        /// - Parameter answers: nil to fail.
        init(_ answers: [String?]) { self.answers = Mutex(answers) }

        func claimant(of ticket: Ticket, insteadOf absent: String?) async throws -> String {
            asked.withLock { $0.append(ticket.node) }
            let answer = answers.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let answer else { throw AMQPError(.timedOut, "not known now", isRetriable: true) }
            return answer
        }
    }

    /// - Parameter otherHost: whether the host `b` has queues.
    private func run(
        _ answers: [String?],
        from owner: String? = nil,
        otherHost: Bool = true
    ) async throws -> (journal: [String], asked: [String?]) {
        let world = try SimulatedWorld(.video, ["NODE_ID": "a"])
        let other = QueueLayout(names: world.settings.queueNames.of(node: "b"))
        if otherHost { world.broker.declare(other.work(.video, .download)) }
        let claims = ScriptedClaims(answers)
        let process = SimulatedProcess(world.simulation, name: "download.video.1")
        let worker = try world.worker(.download, process, claims: claims) { $0.ticket }
        var ticket = Ticket(id: "job", mediaID: "media", kind: .video)
        ticket.sourceKey = "source.mp4"
        ticket.node = owner
        let shared = world.layout.shared(.video, .download)
        world.broker.store(AMQPMessage(ticket), in: shared.name)
        try await world.simulation.run {
            let task = SimulatedTask(in: process) {
                guard let intake = try? JobIntake(worker.transport, shared) else { return }
                await intake.run { message in
                    await worker.runner.run(message, through: intake, claimingBy: claims)
                    await intake.stop()
                }
            }
            await task.finish()
        }
        return (world.journal.entries, claims.asked.withLock { $0 })
    }

    @Test("is worked on by the host that claims its job")
    func own() async throws {
        let (journal, _) = try await run(["a"])
        #expect(journal.contains("→process.a 1"))
        #expect(journal.last == "ack")
    }

    @Test("goes to the host that has its job, and is acknowledged when it is there")
    func others() async throws {
        let (journal, _) = try await run(["b"])
        #expect(journal == ["→download.b 0", "ack"])
    }

    @Test("is worked on here when the host that has its job is no more, asked for as it was sent")
    func absentHost() async throws {
        let (journal, asked) = try await run(["b", "a"], from: "c", otherHost: false)
        #expect(journal.contains("→process.a 1"))
        #expect(journal.contains("unroutable →download.b 0"))
        #expect(asked == ["c", "c"])
    }

    @Test("goes back when yet another host was quicker, or nobody knows whose it is")
    func unknown() async throws {
        #expect(try await run(["b", "c"], otherHost: false).journal.last == "back")
        #expect(try await run([nil]).journal == ["back"])
    }
}
