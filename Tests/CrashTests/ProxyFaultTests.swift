import AMQP
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

@Suite("A network that fails", .serialized, .ownNode())
struct ProxyFaultTests {
    private static let faultsEachRound = 100

    /// Each kind of frame that a worker and its broker exchange, and who sends it.
    private static let frames: [(FaultProxy.Direction, AMQPFrameKind)] =
        [
            .greeting, .init(10, 11), .init(10, 31), .init(10, 40), .init(20, 10), .init(60, 10), .init(50, 10),
            .init(60, 20), .init(85, 10), .init(90, 10), .init(60, 40), .header, .body, .init(60, 80), .init(90, 20),
            .heartbeat,
        ].map { (.toBroker, $0) }
        + [
            .init(10, 10), .init(10, 30), .init(10, 41), .init(20, 11), .init(60, 11), .init(50, 11), .init(60, 21),
            .init(85, 11), .init(90, 11), .init(60, 60), .header, .body, .init(60, 80), .init(90, 21), .heartbeat,
        ].map { (.toClient, $0) }

    /// Every kind of frame in turn, in an order, at a place and with an effect that chance chooses.
    private struct Faults {
        var generator: Seed
        private var deck: [(FaultProxy.Direction, AMQPFrameKind)] = []

        init(_ generator: Seed) { self.generator = generator }

        mutating func next() -> FaultProxy.Fault {
            if deck.isEmpty { deck = ProxyFaultTests.frames.shuffled(using: &generator) }
            let (direction, frame) = deck.removeLast()
            let inside = Double.random(in: 0.05...0.95, using: &generator)
            let share = [0.0, inside, 1.0].randomElement(using: &generator) ?? inside
            let effects: [FaultProxy.Effect] = [
                .reset, .reset, .close, .close, .silence([.toBroker]), .silence([.toClient]),
                .silence([.toBroker, .toClient]),
                .delay(.milliseconds(Int.random(in: 20...4_000, using: &generator))),
            ]
            return .init(direction, frame, share: share, effects.randomElement(using: &generator) ?? .reset)
        }
    }

    /// No worker dies here, so no job may count a death: `MAX_STARTS` keeps its default.
    @Test("at any frame loses no job, ends none twice and leaves no consumer behind")
    func faults() async throws {
        let node = try TestNode.current
        let proxy = try FaultProxy(to: node.endpoint)
        defer { proxy.close() }
        var faults = Faults(Seed.generator())
        let settings = [
            "RABBITMQ_URL": proxy.url(heartbeat: 1), "RECONNECT_MAX_SECONDS": "0.5",
            "WORKERS": Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }.joined(separator: ","),
        ]
        try await Watch.with(settings, broker: node.url, allowsRepeats: true) { watch in
            let began = ContinuousClock.now
            var done = Tally()
            for round in 1...Rounds.count {
                let jobs = try await run(&faults, round, proxy, watch, &done)
                for job in jobs {
                    // The number of times that each was told is checked at the end.
                    #expect(Set(watch.ends.of(job)) == ["completed"], "\(job)")
                    if !watch.ends.of(job).isEmpty { try watch.expectWhole(.image, id: job) }
                }
                try await eventually("each worker has one consumer", within: .seconds(120)) {
                    try await consumers(node, watch.tree) == Array(repeating: 2, count: Stage.allCases.count)
                }
            }
            print("proxy faults: \(watch.ends.all.count) jobs, \(done) in \(ContinuousClock.now - began)")
            #expect(done.count >= Self.faultsEachRound * Rounds.count)
            #expect(done.frames.count == Self.frames.count)
            #expect(try await watch.tree.restarts() == 0)
        }
    }

    private struct Tally: CustomStringConvertible {
        var count = 0
        var frames: [String: Int] = [:]
        var effects: [String: Int] = [:]

        mutating func note(_ fault: FaultProxy.Fault) {
            count += 1
            frames["\(fault.frame) \(fault.direction)", default: 0] += 1
            let effect = "\(fault.effect)".prefix { $0 != "(" }
            effects["\(effect) \(fault.share <= 0 ? "before" : fault.share >= 1 ? "after" : "inside")", default: 0] += 1
        }

        var description: String {
            let each = effects.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return "\(count) faults at \(frames.count) kinds of frames (\(each))"
        }
    }

    /// Does one round of faults to jobs that keep coming, and waits for the jobs.
    private func run(
        _ faults: inout Faults,
        _ round: Int,
        _ proxy: FaultProxy,
        _ watch: Watch,
        _ done: inout Tally
    ) async throws -> [String] {
        var jobs: [String] = []
        func feed() async throws {
            while jobs.count(where: { watch.ends.of($0).isEmpty }) < 8 {
                jobs.append("round-\(round)-\(jobs.count)")
                try await watch.submit(.image, id: "round-\(round)-\(jobs.count - 1)")
            }
        }
        let wanted = done.count + Self.faultsEachRound
        while done.count < wanted {
            let fault = faults.next()
            try await feed()
            let fired = Happening(proxy.arm(fault))
            // Many frames come only with a new connection, and some connections are made only after others.
            for patience in [1, 2, 4, 8, 16, 32] {
                if try await fired.hasCome(within: .seconds(patience)) {
                    done.note(fault)
                    break
                }
                try await feed()
                proxy.cutAll()
            }
            proxy.disarm()
        }
        try await eventually("all jobs have ended", within: .seconds(300)) { watch.areDone(jobs) }
        return jobs
    }

    /// Whether a fault has happened. An `AsyncStream` that one reader gives up ends for all later readers, so one task
    /// reads it to its end.
    private final class Happening: Sendable {
        private let flag = Atomic(false)

        init(_ event: AsyncStream<Void>) {
            Task { for await _ in event { flag.store(true, ordering: .relaxed) } }
        }

        func hasCome(within limit: Duration) async throws -> Bool {
            let end = ContinuousClock.now + limit
            while !flag.load(ordering: .relaxed) {
                if ContinuousClock.now >= end { return false }
                // Waiting for the event itself could not be given up without ending it.
                try await Task.sleep(for: .milliseconds(5))
            }
            return true
        }
    }

    /// The consumers of the work queues, in the order of stages, as the broker counts them.
    private func consumers(_ node: TestNode, _ tree: TestTree) async throws -> [Int] {
        let table = try await node.control("list_queues", "--silent", "name", "consumers")
        var counts: [Substring: Int] = [:]
        for line in table.split(separator: "\n") {
            let fields = line.split(separator: "\t")
            if fields.count == 2 { counts[fields[0]] = Int(fields[1]) }
        }
        return Stage.allCases.map { counts[Substring(tree.names.work(.image, $0))] ?? -1 }
    }
}
