import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A call to the file system that fails", .serialized)
struct FaultTests {
    struct Case: Sendable, CustomStringConvertible {
        var operation: FaultyFileSystem.Operation
        var error: CInt
        var number: Int
        var description: String { "\(operation) number \(number) with errno \(error)" }
    }

    private static let sampleSize = 40

    @Test("at any moment of a job ends it once, completed or failed, and leaves nothing")
    func everyCall() async throws {
        var generator = Seed.generator()
        let faults = try await FaultyFileSystem()
        defer { faults.remove() }
        try await Watch.with(faults.environment) { watch in
            try faults.arm(.open, due: 0, error: 0)
            try await watch.submit(.image, id: "counted")
            try await end("counted", watch)
            let counts = try faults.disarm().counts
            #expect(watch.ends.of("counted") == ["completed"])
            for operation in [FaultyFileSystem.Operation.open, .write, .unlink, .synchronize] {
                #expect((counts[operation] ?? 0) > 4, "\(operation)")
            }
            var cases: [Case] = []
            for (operation, error) in [
                (FaultyFileSystem.Operation.open, ENOSPC), (.open, EIO), (.open, EMFILE), (.write, ENOSPC),
                (.write, EIO), (.rename, EIO), (.unlink, EIO), (.synchronize, EIO),
            ] {
                let count = counts[operation] ?? 0
                if count == 0 { continue }
                cases += (1...count).map { Case(operation: operation, error: error, number: $0) }
            }
            cases.shuffle(using: &generator)
            let all = cases.count
            if Rounds.isShort {
                // The last calls are the clean-up's: a row of a file that was gone stayed in the ledger when one of
                // them failed.
                let last = (counts[.open] ?? 0) - 12
                let pinned = cases.filter { $0.operation == .open && $0.error == EMFILE && $0.number > last }
                cases = cases.prefix(Self.sampleSize) + pinned
            }
            let began = ContinuousClock.now
            var (fired, completed) = (0, 0)
            for (index, item) in cases.enumerated() {
                let id = "job-\(index)"
                try faults.arm(item.operation, due: item.number, error: item.error)
                try await watch.submit(.image, id: id)
                try await end("\(id)", watch, item.description)
                fired += try faults.disarm().hasFailed ? 1 : 0
                let ends = watch.ends.of(id)
                #expect(ends == ["completed"] || ends == ["failed"], "\(item): \(ends)")
                if ends == ["completed"] {
                    completed += 1
                    try watch.expectWhole(.image, id: id)
                }
                #expect(try watch.bystander.isUntouched(), "\(item)")
            }
            print(
                "faults: \(fired) calls failed in \(cases.count) of \(all) cases (\(counts)), "
                    + "\(completed) jobs completed, \(ContinuousClock.now - began)"
            )
            // The calls of a job vary a little from run to run.
            #expect(fired * 10 >= cases.count * 7)
        }
    }

    @Test("is tried again, wherever the worker dies on the way to the next try")
    func retries() async throws {
        let faults = try await FaultyFileSystem()
        defer { faults.remove() }
        try await Watch.with(faults.environment) { watch in
            for (number, point) in [CrashPoint.retryRecorded, .retryConfirmed].enumerated() {
                let order = CrashOrder(process: "stage-process", point: point, crossing: 1, number: number)
                let file = try watch.give(order)
                try faults.arm(.open, due: 1, error: EIO, beneath: "/outputs/360p.jpg")
                try await watch.submit(.image, id: "retried-\(number)")
                try await eventually("\(point) was crossed") { access(file, F_OK) != 0 }
                try await end("retried-\(number)", watch, "\(point)")
                #expect(try faults.disarm().hasFailed)
                #expect(watch.ends.of("retried-\(number)") == ["completed"])
                try watch.expectWhole(.image, id: "retried-\(number)")
            }
        }
    }

    @Test("counts against the attempts of its stage, and everybody sees what is left of them and why")
    func budget() async throws {
        let faults = try await FaultyFileSystem()
        defer { faults.remove() }
        let settings = ["MAX_ATTEMPTS": "2", "STAGE_MAX_ATTEMPTS": "upload=1,process=3"]
        try await Watch.with(faults.environment.merging(settings) { $1 }) { watch in
            try faults.arm(.open, due: 1, error: EIO, beneath: "/outputs/360p.jpg", by: "stage-upload")
            try await watch.submit(.image, id: "spent")
            try await end("spent", watch)
            #expect(try faults.disarm().hasFailed)
            #expect(watch.ends.of("spent") == ["failed"])
            #expect(try await detail("spent", watch)["error"]?.objectValue?["stage"] == "upload")

            try faults.arm(.open, due: 1, error: EIO, beneath: "/outputs/360p.jpg", by: "stage-process")
            try await watch.submit(.image, id: "tried")
            try await eventually("the second of three attempts is ahead, or done") {
                let job = try await detail("tried", watch)
                return job["attempts"] == ["number": 2, "limit": 3] || !watch.ends.of("tried").isEmpty
            }
            try await end("tried", watch)
            #expect(watch.ends.of("tried") == ["completed"])
            let history = try await detail("tried", watch)["history"]?.arrayValue?.compactMap(\.objectValue)
            #expect(history?.map { $0["stage"] } == ["process"])
            #expect(history?.first?["host"]?.stringValue?.isEmpty == false)
            #expect(history?.first?["at"]?.stringValue?.isEmpty == false)
            #expect(watch.tree.log.contains("job.attempt=2 job.attempt.limit=3"))
        }
    }

    private func detail(_ id: String, _ watch: Watch) async throws -> [ByteText: JSONValue] {
        try await watch.tree.get("/jobs/image/\(id)")?.body.objectValue ?? [:]
    }

    private func end(_ id: String, _ watch: Watch, _ item: String = "") async throws {
        try await eventually("the job \(id) ended: \(item)") { !watch.ends.of(id).isEmpty }
        try await eventually("nothing is left: \(item)") {
            guard watch.bystander.strangers(in: watch.tree).isEmpty else { return false }
            return try await watch.bystander.strangersOnTheBooks() == 0
        }
    }
}
