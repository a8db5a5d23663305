import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("Poison", .serialized)
struct PoisonTests {
    private static let good = Rounds.isShort ? 37 : 490
    private static let bad = Rounds.isShort ? 3 : 10
    private static let stages = [Stage.download, .process, .upload]

    /// At `MAX_STARTS`' default.
    private static let deathsEach = 3

    private struct Jobs {
        var good: [String] = []
        var poison: [String: Poison] = [:]
    }

    @Test("kills its worker three times and is given up, costs no other job an attempt, and runs when it is harmless")
    func poison() async throws {
        var generator = Seed.generator()
        let file = NSTemporaryDirectory() + "poison-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let settings = [
            Poison.variable: file, "STALL_SECONDS": "6", "SWIFT_BACKTRACE": "enable=no",
            "WORKERS": Stage.allCases.map { "\($0.rawValue).image=2,\($0.rawValue).video=0" }.joined(separator: ","),
        ]
        try await Watch.with(settings, runs: Self.runs) { watch in
            let began = ContinuousClock.now
            let jobs = try await submit(to: file, watch, &generator)
            let ids = jobs.good + jobs.poison.keys
            try await eventually("all jobs ended", within: .seconds(Rounds.isShort ? 300 : 3600)) { watch.areDone(ids) }
            for id in jobs.good {
                #expect(watch.ends.of(id) == ["completed"], "\(id)")
                try watch.expectWhole(.image, id: id)
            }
            for id in jobs.poison.keys { #expect(watch.ends.of(id) == ["failed"], "\(id)") }
            try await eventually("nothing is left") { watch.bystander.strangers(in: watch.tree).isEmpty }
            #expect(try await watch.bystander.strangersOnTheBooks() == 0)
            // The other worker of the pool may give the job up while the last victim's successor is still to start.
            try await eventually("each death is followed by a start") {
                try await watch.tree.restarts() >= Int64(Self.deathsEach * Self.bad)
            }
            #expect(try await watch.tree.restarts() == Int64(Self.deathsEach * Self.bad))
            expectNoAttemptLost(jobs, watch)
            try await expectDeadLetters(jobs, watch)

            // Whatever was wrong with them is mended.
            try FileManager.default.removeItem(atPath: file)
            let answer = try await watch.tree.post("/dead/redrive", ["reason": "worker_died"])
            #expect(answer.status == 200)
            #expect(answer.body.objectValue?["jobs"]?.arrayValue?.count == Self.bad)
            try await eventually("the poison ended again") {
                jobs.poison.keys.allSatisfy { watch.ends.of($0).count == 2 }
            }
            for id in jobs.poison.keys {
                #expect(watch.ends.of(id) == ["failed", "completed"], "\(id)")
                try watch.expectWhole(.image, id: id)
            }
            print("poison: \(Self.bad) among \(Self.good) good jobs in \(ContinuousClock.now - began)")
        }
    }

    /// A redriven job ends a second time.
    private static func runs(_ job: String) -> Int { job.hasPrefix("poison-") ? 2 : 1 }

    /// Submits all jobs in an order of chance, those first that do harm.
    private func submit(to file: String, _ watch: Watch, _ generator: inout Seed) async throws -> Jobs {
        var jobs = Jobs()
        for number in 0..<Self.bad {
            let id = "poison-\(number)"
            let stage = Self.stages[number % Self.stages.count]
            // So that ten of them meet every effect in every stage.
            let effect = Poison.Effect.allCases[(number + number / 3) % Poison.Effect.allCases.count]
            jobs.poison[id] = Poison(job: id, process: "stage-\(stage.rawValue)", effect: effect)
        }
        try Data(jobs.poison.values.map(\.text).joined().utf8).write(to: URL(filePath: file))
        jobs.good = (0..<Self.good).map { "good-\($0)" }
        for id in (jobs.good + jobs.poison.keys.sorted()).shuffled(using: &generator) {
            try await watch.submit(.image, id: id)
        }
        return jobs
    }

    /// A neighbour of a job that kills was started once at each stage, as its first attempt.
    private func expectNoAttemptLost(_ jobs: Jobs, _ watch: Watch) {
        var starts: [Substring: Int] = [:]
        for line in watch.tree.log.split(separator: "\n") where line.contains(" starts ") {
            let words = line.split(separator: " ")
            guard let job = words.first(where: { $0.hasPrefix("job.id=good-") })?.dropFirst("job.id=".count) else {
                continue
            }
            starts[job, default: 0] += 1
            #expect(words.contains("job.attempt=1") && words.contains("job.starts=1"), "\(line)")
        }
        #expect(starts.count == jobs.good.count)
        #expect(starts.values.allSatisfy { $0 == Stage.allCases.count })
    }

    private func expectDeadLetters(_ jobs: Jobs, _ watch: Watch) async throws {
        let list = try #require(try await watch.tree.get("/dead?limit=1000")?.body.objectValue)
        let letters = list["letters"]?.arrayValue?.compactMap(\.objectValue) ?? []
        #expect(Set(letters.compactMap { $0["id"]?.stringValue }) == Set(jobs.poison.keys))
        #expect(letters.count == jobs.poison.count)
        for letter in letters {
            let poison = try #require(jobs.poison[letter["id"]?.stringValue ?? ""])
            let stage = poison.process.dropFirst("stage-".count)
            let reason = letter["reason"]?.stringValue ?? ""
            #expect(
                reason.hasPrefix("the worker died \(Self.deathsEach) times while the job was in \(stage)"),
                "\(poison)"
            )
            #expect(letter["reasonCode"]?.stringValue == "worker_died")
        }
    }
}
