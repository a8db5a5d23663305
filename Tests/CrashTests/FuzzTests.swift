import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("Whatever is sent", .serialized)
struct FuzzTests {
    /// `FUZZ_SECONDS`, and `FUZZ_FROM`, the number to begin with; with `CRASH_TEST_SEED` any message can be had again.
    private static let seconds = setting("FUZZ_SECONDS") ?? 10 * Rounds.count
    private static let first = setting("FUZZ_FROM") ?? 0

    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    @Test("and has done harm before ends as one job or as one dead letter, bytes unchanged, at a bounded cost")
    func attacks() async throws {
        try await HostileTree.with { tree in
            let figures = Figures()
            for attack in Attack.all {
                for message in attack.messages(tree) { try await tree.send([message], figures) }
            }
            for type in ["a_processing_request", "image_processing_request", "watch"] {
                try await tree.post(["type": .string(type), "mediaId": "m", "mediaType": "IMAGE", "s3Key": "none"])
            }
            print("attacks: \(figures.text); \(tree.outcomesText)")
        }
    }

    @Test("by chance ends as one job or as one dead letter, bytes unchanged, at a bounded cost")
    func chance() async throws {
        let seed = Seed.value()
        try await HostileTree.with { tree in
            let figures = Figures()
            let end = ContinuousClock.now + .seconds(Self.seconds)
            var number = Self.first
            while ContinuousClock.now < end {
                let batch = (number..<number + 16).map { HostileMaker.message(seed, $0, to: tree) }
                number += batch.count
                // Some are sent together, and some alone, to measure the cost of each.
                try await tree.send(Array(batch.prefix(12)), figures)
                for message in batch.suffix(4) { try await tree.send([message], figures) }
            }
            print("fuzz: seed \(seed), numbers \(Self.first)..<\(number): \(figures.text); \(tree.outcomesText)")
            #expect(figures.messages > 0)
        }
    }

    @Test("above the length of any job is shown among the dead letters, and none of them is held in memory")
    func longLetters() async throws {
        try await TestTree.with(["WORKERS": Stage.allCases.map { "\($0.rawValue).video=0" }.joined(separator: ",")]) {
            tree in
            let dead = tree.names.dead(.image)
            let body = (0..<17 << 10).flatMap { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 1024) }
            let configuration = AMQPConfiguration(maximumBodyBytes: AMQPConfiguration.brokerBodyBytes)
            try await withTestClient(configuration: configuration) { client in
                try await client.publish(AMQPMessage(body: body), to: tree.names.work(.image, .download))
                try await eventually("it is a dead letter") { try await client.messageCount(queue: dead) == 1 }
                let list = try #require(try await tree.get("/dead")?.body.objectValue)
                let letter = try #require(list["letters"]?.arrayValue?.first?.objectValue)
                #expect(letter["reasonCode"] == "too_large" && letter["bytes"]?.clampedInteger == Int64(body.count))
                let answer = try await tree.post("/dead/redrive", ["all": true])
                #expect(answer.body.objectValue?["unreadable"]?.clampedInteger == 1)
                try await eventually("it is back in its place") { try await client.messageCount(queue: dead) == 1 }
                let delivery = try #require(try await client.pull(dead).next().first)
                #expect(delivery.body == body)
                try await delivery.acknowledge()
            }
        }
    }
}
