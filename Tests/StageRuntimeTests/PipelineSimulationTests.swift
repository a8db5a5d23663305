import JobModel
import RuntimeSupport
import Testing

@Suite("A pipeline in one process")
struct PipelineSimulationTests {
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
        let pipeline = try PipelineSimulation(seed: seed, killInterval: .seconds(12), lossRate: 40)
        try await pipeline.run(jobs: 8)
        #expect(pipeline.cutOffs > 0)
        #expect(pipeline.ends.count == 8)
        // Broker and ledger cannot commit as one, so an end can be told again: the same to the byte, and seldom. See
        // docs/decisions/0002-end-of-a-job.md.
        #expect(pipeline.ends.values.allSatisfy { Set($0).count == 1 })
        #expect(pipeline.ends.values.filter { $0.count > 1 }.count <= 2)
        expectNothingLeft(pipeline)
    }

    @Test("goes the same way again with the same seed")
    func again() async throws {
        let first = try PipelineSimulation(seed: 7, killInterval: .seconds(12), lossRate: 40)
        try await first.run(jobs: 5)
        let second = try PipelineSimulation(seed: 7, killInterval: .seconds(12), lossRate: 40)
        try await second.run(jobs: 5)
        #expect(first.world.journal.entries == second.world.journal.entries)
    }

    private func expectNothingLeft(_ pipeline: PipelineSimulation) {
        #expect(pipeline.left.isEmpty)
        #expect(pipeline.world.ledger.heldJobs.isEmpty)
        for record in pipeline.world.ledger.records {
            // A clean-up that was given up leaves its files to the supervisor's sweeps.
            let isGivenUp = record.leftFiles > 0
            #expect(pipeline.world.ledger.files(of: record.key).isEmpty || isGivenUp, "\(record.id)")
        }
    }
}
