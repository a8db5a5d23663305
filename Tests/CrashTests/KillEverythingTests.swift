import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

/// SIGKILL for workers of every kind, for the broker and for the supervisor, while jobs run.
@Suite("Everything is killed", .serialized, .ownNode())
struct KillEverythingTests {
    private static let jobs = Rounds.isShort ? 200 : 2_000
    private static let killsOfEachKind = Rounds.isShort ? 50 : 250
    private static let brokerKills = Rounds.isShort ? 3 : 10
    private static let supervisorKills = Rounds.isShort ? 2 : 10
    private static let killsAhead = 8
    private static let jobsAtOnce = 16

    /// The faults that the test causes, and their outcome.
    private struct Run {
        let tree: TestTree
        let node: TestNode
        let reader: UpdatesReader
        var generator: Seed
        var supervisor: ChildProcess
        var jobs: [String] = []
        var victims: [String: Int] = [:]
        var brokerDeaths = 0
        var supervisorDeaths = 0

        var workerKills: Int { victims.values.reduce(0, +) }
        var allKills: Int { killsOfEachKind * Stage.allCases.count }
    }

    /// MAX_STARTS counts deaths of workers against the job that they had, and in this test no job is at fault. 100 is
    /// its highest value.
    private static let settings = [
        "MAX_STARTS": "100", "SWIFT_BACKTRACE": "enable=no", "RECONNECT_MAX_SECONDS": "2",
        "WORKERS": Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }.joined(separator: ","),
    ]

    @Test("and no job is lost, none has two ends, all outputs are whole, and no byte is left")
    func everything() async throws {
        let generator = Seed.generator()
        let node = try TestNode.current
        try await TestTree.with(Self.settings, broker: node.url, starting: false) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            let reader = try UpdatesReader(tree, broker: node.url)
            var run = Run(tree: tree, node: node, reader: reader, generator: generator, supervisor: try tree.start())
            do {
                try await work(&run)
            } catch {
                run.supervisor.send(SIGKILL)
                _ = await run.supervisor.wait()
                print(
                    "the tree's log ended with:\n" + tree.log.split(separator: "\n").suffix(40).joined(separator: "\n")
                )
                _ = try? await reader.stop()
                throw error
            }
        }
    }

    private func work(_ run: inout Run) async throws {
        let began = ContinuousClock.now
        let (tree, reader) = (run.tree, run.reader)
        try await tree.waitUntilHealthy()
        try await submit("reference", run)
        try await eventually("the reference job ended") { reader.ends["reference"] == "completed" }
        let reference = try Watch.outputs(tree, id: "reference")
        #expect(reference.count == 4)

        try await kill(&run)
        let jobs = run.jobs
        try await eventually("all jobs ended", within: .seconds(Rounds.isShort ? 300 : 1800)) {
            let ends = reader.ends
            return jobs.allSatisfy { ends[$0] != nil }
        }
        try await tree.waitUntilHealthy()
        try await eventually("late duplicates are dropped", within: .seconds(120)) { try await Self.waiting(tree) == 0 }
        try await eventually("the workspace is empty", within: .seconds(120)) { tree.leftovers().isEmpty }
        run.supervisor.send(SIGTERM)
        #expect(await run.supervisor.wait() == .status(0))
        let summary = try await reader.stop()

        #expect(summary.violations == [])
        #expect(summary.refusals == [])
        #expect(Set(summary.ends.keys) == Set(jobs + ["reference"]))
        for id in jobs {
            #expect(summary.ends[id] == "completed", "\(id)")
            #expect(try Watch.outputs(tree, id: id) == reference, "outputs of \(id)")
        }
        expectRepeatsHaveAReason(summary, tree)
        #expect(tree.leftovers() == [])
        let kills = run.victims.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print(
            "kill everything: \(jobs.count) jobs; killed \(kills), broker \(run.brokerDeaths), supervisor "
                + "\(run.supervisorDeaths); \(summary.messages) updates over \(summary.connections) connections, "
                + "\(summary.repeats.count) ends and \(summary.repeatedProgress) others came again; "
                + "\(ContinuousClock.now - began)"
        )
        for stage in Stage.allCases {
            #expect(run.victims["stage-\(stage.rawValue)", default: 0] >= Self.killsOfEachKind)
        }
        #expect(run.brokerDeaths == Self.brokerKills && run.supervisorDeaths == Self.supervisorKills)
    }

    /// Kills until there were enough deaths, and submits jobs for as long, so that each death meets work.
    private func kill(_ run: inout Run) async throws {
        // By kills of workers: when the broker dies, and when the supervisor.
        var brokerDue = Self.moments(Self.brokerKills, of: run.allKills, &run.generator)
        var supervisorDue = Self.moments(Self.supervisorKills, of: run.allKills, &run.generator)
        var lastKill = ContinuousClock.now
        while true {
            let ends = run.reader.ends
            let isKilling = run.workerKills < run.allKills || !brokerDue.isEmpty || !supervisorDue.isEmpty
            if !isKilling, run.jobs.count >= Self.jobs { return }
            var unfinished = run.jobs.count { ends[$0] == nil }
            while unfinished < Self.jobsAtOnce, isKilling || run.jobs.count < Self.jobs {
                let id = "job-\(run.jobs.count)"
                run.jobs.append(id)
                try await submit(id, run)
                unfinished += 1
            }
            if let due = brokerDue.first, due <= run.workerKills {
                brokerDue.removeFirst()
                try await killBroker(&run)
                lastKill = .now
            } else if let due = supervisorDue.first, due <= run.workerKills {
                supervisorDue.removeFirst()
                try await killSupervisor(&run)
                lastKill = .now
            } else if run.workerKills < Self.killsAhead + ends.count * run.allKills / Self.jobs, killWorker(&run) {
                // Kills follow progress: each delays the pool's next start, unless its victim had done a job.
                lastKill = .now
            }
            if ContinuousClock.now - lastKill > .seconds(180) {
                throw TestTree.Failure(description: "nothing has got done for three minutes")
            }
            // The next death is to come at a moment of chance, and not at one that something announces.
            try await Task.sleep(for: .milliseconds(Int.random(in: 10...150, using: &run.generator)))
        }
    }

    /// A worker of a kind that has not been killed often enough.
    private func killWorker(_ run: inout Run) -> Bool {
        let victims = run.victims
        let candidates = run.tree.workers().filter { victims[$0.name, default: 0] < Self.killsOfEachKind }
        guard let victim = candidates.randomElement(using: &run.generator),
            Glibc.kill(victim.processID, SIGKILL) == 0
        else { return false }
        run.victims[victim.name, default: 0] += 1
        return true
    }

    private func killBroker(_ run: inout Run) async throws {
        run.node.kill()
        run.brokerDeaths += 1
        // Some workers die while it is away.
        for _ in 0..<Int.random(in: 0...2, using: &run.generator) { _ = killWorker(&run) }
        try await run.node.start()
    }

    private func killSupervisor(_ run: inout Run) async throws {
        run.supervisor.send(SIGKILL)
        #expect(await run.supervisor.wait() == .signal(SIGKILL))
        run.supervisorDeaths += 1
        run.supervisor = try run.tree.start()
        try await run.tree.waitUntilHealthy()
    }

    private static func moments(_ count: Int, of kills: Int, _ generator: inout Seed) -> [Int] {
        (0..<count).map { Int.random(in: kills * $0 / count..<kills * ($0 + 1) / count, using: &generator) }
    }

    /// Submits a job, again if the broker has died without a confirm.
    private func submit(_ id: String, _ run: Run) async throws {
        while true {
            do {
                return try await run.tree.submit(.image, id: id, source: "photo.jpg")
            } catch let error as AMQPError where error.isRetriable {
                try await run.tree.client.waitUntilConnected()
            }
        }
    }

    private static func waiting(_ tree: TestTree) async throws -> Int {
        var count = 0
        for stage in Stage.allCases {
            let delays = QueueNames.retryDelaysMilliseconds.map {
                tree.names.retry(.image, stage, delayMilliseconds: $0)
            }
            for queue in [tree.names.work(.image, stage)] + delays {
                count += try await tree.client.messageCount(queue: queue) ?? 0
            }
        }
        return count
    }

    /// The broker may forget the reader's acknowledgement when it dies, and then the reader has another connection.
    /// Within one connection only an unanswered commit may be repeated, and the log tells of each.
    private func expectRepeatsHaveAReason(_ summary: UpdatesReader.Summary, _ tree: TestTree) {
        let lines = tree.log.split(separator: "\n")
        for item in summary.repeats where item.sameConnection {
            let isExplained = lines.contains {
                $0.contains("was not announced, or not confirmed") && $0.contains("job.id=\(item.job) ")
            }
            #expect(isExplained, "the end of \(item.job) was told twice for no reason")
        }
    }
}
