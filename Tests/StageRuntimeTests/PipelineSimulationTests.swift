import JobModel
import RuntimeSupport
import Testing

@Suite("A pipeline in one process")
struct PipelineSimulationTests {
    private typealias Troubles = PipelineSimulation.Troubles

    private static let classic: [String: String] = [:]
    /// A limit of deliveries that deaths can reach.
    private static let quorum = ["QUEUE_TYPE": "quorum", "QUEUE_DELIVERY_LIMIT": "4"]

    @Test("tells each job's end once, and leaves nothing", arguments: 1...20 as ClosedRange<UInt64>)
    func quiet(seed: UInt64) async throws {
        let pipeline = try PipelineSimulation(seed: seed)
        try await pipeline.run(jobs: 8)
        #expect(pipeline.ends.count == 8)
        #expect(pipeline.ends.values.allSatisfy { $0.count == 1 })
        expectNothingLeft(pipeline)
    }

    @Test(
        "does so whichever worker is killed and whichever connection is lost",
        arguments: 1...60 as ClosedRange<UInt64>
    )
    func killed(seed: UInt64) async throws {
        let pipeline = try PipelineSimulation(seed: seed, Troubles(killInterval: .seconds(12), lossRate: 40))
        try await pipeline.run(jobs: 8)
        #expect(pipeline.cutOffs > 0)
        #expect(pipeline.ends.count == 8)
        // Broker and ledger cannot commit as one, so an end can be told again: the same to the byte, and seldom. See
        // docs/decisions/0002-end-of-a-job.md.
        #expect(pipeline.ends.values.allSatisfy { Set($0).count == 1 })
        #expect(pipeline.ends.values.filter { $0.count > 1 }.count <= 2)
        expectNothingLeft(pipeline)
    }

    @Test(
        "does so whichever worker drains, which costs no start and ends in time",
        arguments: 1...30 as ClosedRange<UInt64>,
        [classic, quorum]
    )
    func drained(seed: UInt64, variables: [String: String]) async throws {
        let pipeline = try PipelineSimulation(seed: seed, Troubles(drainInterval: .seconds(6)), variables)
        try await pipeline.run(jobs: 8)
        #expect(!pipeline.drains.isEmpty)
        #expect(pipeline.drains.filter { $0.contains(" ") } == [])
        #expect(pipeline.ends.count == 8)
        #expect(pipeline.ends.values.allSatisfy { $0.count == 1 })
        #expect(pipeline.world.ledger.startCounts.allSatisfy { $0 <= 1 })
        // A quorum queue counts what is given back, and no job is given up for that.
        #expect(pipeline.givenUp == [])
        expectNothingLeft(pipeline)
    }

    @Test(
        "does so on quorum queues, whoever is killed or drains and whichever connection is lost",
        arguments: 1...60 as ClosedRange<UInt64>
    )
    func onQuorumQueues(seed: UInt64) async throws {
        let troubles = Troubles(killInterval: .seconds(12), drainInterval: .seconds(12), lossRate: 40)
        let pipeline = try PipelineSimulation(seed: seed, troubles, Self.quorum)
        try await pipeline.run(jobs: 8)
        #expect(pipeline.cutOffs > 0)
        #expect(pipeline.drains.filter { $0.contains(" ") } == [])
        #expect(pipeline.ends.count == 8)
        // See docs/decisions/0010-ends-on-quorum-queues.md.
        #expect(pipeline.ends.values.allSatisfy { Set($0).count == 1 })
        #expect(pipeline.ends.values.filter { $0.count > 1 }.count <= 2)
        expectNothingLeft(pipeline)
    }

    @Test("goes the same way again with the same seed")
    func again() async throws {
        let troubles = Troubles(killInterval: .seconds(12), drainInterval: .seconds(12), lossRate: 40)
        let first = try PipelineSimulation(seed: 7, troubles)
        try await first.run(jobs: 5)
        let second = try PipelineSimulation(seed: 7, troubles)
        try await second.run(jobs: 5)
        #expect(first.world.journal.entries == second.world.journal.entries)
    }

    private func expectNothingLeft(_ pipeline: PipelineSimulation) {
        #expect(pipeline.left.isEmpty)
        #expect(pipeline.world.ledger.heldJobs.isEmpty)
        #expect(pipeline.world.broker.leftAtClose == 0)
        for record in pipeline.world.ledger.records {
            // A clean-up that was given up leaves its files to the supervisor's sweeps.
            let isGivenUp = record.leftFiles > 0
            #expect(pipeline.world.ledger.files(of: record.key).isEmpty || isGivenUp, "\(record.id)")
        }
    }
}
