import AMQP
import JobModel
import Queues
import TempFiles
import TestSupport
import Testing

@Suite("A message that cannot be worked on now", .serialized)
struct HandedBackTests {
    @Test("is not delivered over and over, lets the others pass, and has its turn when it can")
    func held() async throws {
        let pools = Stage.allCases.map { "\($0.rawValue).video=0,\($0.rawValue).image=\($0 == .cleanup ? 1 : 0)" }
        try await TestTree.with(["WORKERS": pools.joined(separator: ",")]) { tree in
            let tracker = try TempFileTracker.open(
                temporaryDirectory: tree.directory + "/temp",
                logger: TestBroker.logger
            )
            let key = JobKey(kind: .image, id: "held")
            guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else {
                throw TestTree.Failure(description: "no lease")
            }
            for id in ["held", "other"] {
                var ticket = Ticket(id: ByteText(id), mediaID: "m", kind: .image)
                ticket.outcome = .completed
                // Anybody can say so, and a watch ticket waits for no lease.
                let message = AMQPMessage(body: ticket.json.serialized(), type: "watch")
                try await tree.client.publish(message, to: tree.names.work(.image, .cleanup))
            }
            let others = try await tree.updates(.image, untilTheEndOf: ["other"])
            #expect(others.allSatisfy { $0["job_id"] == "other" })
            let returns = tree.log.split(separator: "\n").filter { $0.contains("another worker cleans the job up") }
            #expect((1...20).contains(returns.count), "\(returns.count)")
            lease.release()
            let held = try await tree.updates(.image, untilTheEndOf: ["held"])
            #expect(held.count == 1)
            #expect(try await tree.restarts() == 0)
        }
    }
}
