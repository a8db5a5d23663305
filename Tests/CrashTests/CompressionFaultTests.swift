import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A call to the file system that fails while a file is compressed or restored", .serialized)
struct CompressionFaultTests {
    private typealias Case = FaultTests.Case

    private static let sampleSize = 5

    @Test("is made up for, costs the job nothing and leaves nothing")
    func everyCall() async throws {
        var generator = Seed.generator()
        let faults = try await FaultyFileSystem()
        defer { faults.remove() }
        try await TestTree.with(faults.environment, starting: false) { tree in
            try await Samples.rawPicture(tree.directory + "/sources/raw.tiff")
            let counted = try await run(tree, faults, id: "counted", nil, nil)
            #expect((counted.compressing[.rename] ?? 0) == 1 && (counted.restoring[.rename] ?? 0) == 1)
            var compressing = Self.cases(counted.compressing).shuffled(using: &generator)
            var restoring = Self.cases(counted.restoring).shuffled(using: &generator)
            let all = max(compressing.count, restoring.count)
            if Rounds.isShort {
                // The moment in which one file takes the place of the other, and some others.
                compressing = compressing.filter { $0.operation == .rename } + compressing.prefix(Self.sampleSize)
                restoring = restoring.filter { $0.operation == .rename } + restoring.prefix(Self.sampleSize)
            }
            var fired = 0
            let count = max(compressing.count, restoring.count)
            for index in 0..<count {
                let (first, second) = (
                    compressing[index % compressing.count], restoring[index % restoring.count]
                )
                fired += try await run(tree, faults, id: "job-\(index)", first, second).fired
            }
            print("compression faults: \(fired) calls failed in \(count) of \(all) jobs (\(counted))")
            #expect(fired * 10 >= count * 2 * 7)
        }
    }

    private struct Counts: CustomStringConvertible {
        var compressing: [FaultyFileSystem.Operation: Int] = [:]
        var restoring: [FaultyFileSystem.Operation: Int] = [:]
        var fired = 0
        var description: String { "compressing \(compressing), restoring \(restoring)" }
    }

    private static func cases(_ counts: [FaultyFileSystem.Operation: Int]) -> [Case] {
        [
            (FaultyFileSystem.Operation.open, EMFILE), (.open, EIO), (.write, ENOSPC), (.write, EIO), (.rename, EIO),
            (.rename, ENOSPC), (.unlink, EIO), (.synchronize, EIO),
        ].flatMap { operation, error in
            (0..<(counts[operation] ?? 0)).map { Case(operation: operation, error: error, number: $0 + 1) }
        }
    }

    /// One job that waits until its source is compressed, and is then processed.
    private func run(
        _ tree: TestTree,
        _ faults: FaultyFileSystem,
        id: String,
        _ compressing: Case?,
        _ restoring: Case?
    ) async throws -> Counts {
        let source = tree.directory + "/sources/raw.tiff"
        let size = try #require(try FileManager.default.attributesOfItem(atPath: source)[.size] as? Int64)
        var counts = Counts()
        let what: Comment = "\(String(describing: compressing)), then \(String(describing: restoring))"
        func arm(_ item: Case?, by program: String, beneath place: String) throws {
            let (operation, number, error) = (item?.operation ?? .open, item?.number ?? 0, item?.error ?? 0)
            try faults.arm(operation, due: number, error: error, beneath: place, by: program)
        }
        try arm(compressing, by: "supervisor", beneath: "/image/\(id)/source")
        try await tree.running(CompressionCrashTests.waiting) {
            try await tree.submit(.image, id: id, source: "raw.tiff")
            try await CompressionCrashTests.eventuallyCompressed(tree, id, size)
        }
        let first = try faults.disarm()
        counts.compressing = first.counts
        try arm(restoring, by: "stage-process", beneath: "/image/\(id)/source")
        try await tree.running {
            let updates = try await tree.updates(.image, untilTheEndOf: [id])
            let ends = updates.filter { $0["status"] != "processing" && $0["job_id"]?.stringValue == id }
            #expect(ends.map { $0["status"] } == ["completed"], what)
            try await eventually("the workspace is empty: \(what)") { tree.leftovers().isEmpty }
        }
        let second = try faults.disarm()
        counts.restoring = second.counts
        counts.fired = (first.hasFailed ? 1 : 0) + (second.hasFailed ? 1 : 0)
        let made = try FileManager.default.subpathsOfDirectory(atPath: tree.store)
        #expect(made.count { $0.contains("media-\(id)_") } == 4, what)
        return counts
    }
}
