import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct OrphanPolicyTests {
    private let policy = OrphanPolicy(graceSeconds: 100, nowSeconds: 10_000, ledgerBegunSeconds: 0)

    private func snapshot(_ modified: Int64) -> JobDirectorySnapshot {
        var snapshot = JobDirectorySnapshot()
        snapshot.exists = true
        snapshot.isDirectory = true
        snapshot.modifiedSeconds = 0
        snapshot.entries = [.init(name: "x", sizeBytes: 1, modifiedSeconds: modified)]
        return snapshot
    }

    @Test(arguments: [
        (Int64(9_900), true), (9_901, false), (10_000, false), (10_001, false), (.max, false), (0, true), (-1, true),
    ])
    func unknownIsAnOrphanOnceOlderThanTheGraceTime(_ modified: Int64, _ isOrphan: Bool) {
        #expect(policy.verdicts(snapshot(modified)).isEmpty == !isOrphan)
    }

    @Test(arguments: [(Int64.min, Int64(0)), (.max, 0), (10_001, 0), (9_000, 1000), (-1, 10_001)])
    func ageIsNeverNegative(_ modified: Int64, _ expected: Int64) {
        #expect(policy.age(modified) == expected)
    }

    @Test func youngestEntrySparesItsWholeUnknownDirectory() {
        var mixed = snapshot(0)
        mixed.entries.append(.init(name: "y", sizeBytes: 1, modifiedSeconds: 9_990))
        #expect(policy.verdicts(mixed).isEmpty)
        var touched = snapshot(0)
        touched.modifiedSeconds = 9_990
        #expect(policy.verdicts(touched).isEmpty)
    }

    @Test func nothingIsMissingFromADirectoryThatWasNotSeenWhole() async throws {
        let lab = try Lab()
        let tracker = try lab.tracker()
        _ = try await tracker.trackFile(
            NewFile(name: "y", type: .output, description: ""),
            job: video(),
            stage: .process
        )
        var partial = snapshot(0)
        (partial.job, partial.tracked) = try await tracker.ledger.read { books in
            let row = try #require(try books.job(video()))
            return (row, try books.trackedFiles(job: row.number))
        }
        #expect(policy.verdicts(partial).map(\.reason) == [.unknownFile, .missingFile])
        partial.isComplete = false
        #expect(policy.verdicts(partial).map(\.reason) == [.unknownFile])
    }
}
