import Files
import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import TempFiles

private let mebibyte: Int64 = 1 << 20

@Suite struct DiskBudgetTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var maximum: Int64?
        var minimumFree: Int64 = 0
        var wanted: Int64
        var held: Int64 = 0
        var others: Int64 = 0
        var written: Int64 = 0
        var free: Int64 = 100
        var expected: String
    }

    static let cases = [
        Case(testDescription: "fits exactly", maximum: 10, wanted: 6, others: 4, expected: "reserved"),
        Case(testDescription: "one too many", maximum: 10, wanted: 7, others: 4, expected: "noRoom"),
        Case(testDescription: "larger than the whole", maximum: 10, wanted: 11, expected: "neverFits"),
        Case(testDescription: "has it already", maximum: 10, wanted: 20, held: 20, expected: "reserved"),
        Case(testDescription: "the largest numbers", maximum: .max, wanted: .max, others: .max, expected: "noRoom"),
        Case(testDescription: "free to the last byte", minimumFree: 40, wanted: 60, expected: "reserved"),
        Case(testDescription: "one more than is free", minimumFree: 40, wanted: 61, free: 100, expected: "noRoom"),
        Case(
            testDescription: "promised to others and not yet written",
            minimumFree: 40,
            wanted: 31,
            others: 50,
            written: 20,
            expected: "noRoom"
        ),
        Case(
            testDescription: "written already, so no longer free",
            minimumFree: 40,
            wanted: 30,
            others: 50,
            written: 20,
            expected: "reserved"
        ),
        Case(testDescription: "more than the disk has", minimumFree: 40, wanted: 961, expected: "neverFits"),
    ]

    @Test(arguments: cases)
    func judges(_ item: Case) {
        let answer = DiskBudget(maximumBytes: item.maximum, minimumFreeBytes: item.minimumFree).judge(
            DiskBudget.Demand(
                wantedBytes: item.wanted,
                heldByJob: item.held,
                heldByOthers: item.others,
                writtenBytes: item.written,
                space: FileSystemSpace(freeBytes: item.free, totalBytes: 1000, usedPercent: 90)
            )
        )
        let word =
            switch answer {
            case .reserved: "reserved"
            case .noRoom: "noRoom"
            case .neverFits: "neverFits"
            }
        #expect(word == item.expected)
    }
}

@Suite struct ReservationTests {
    let lab: Lab
    let tracker: TempFileTracker
    let budget = DiskBudget(maximumBytes: 16 * mebibyte, minimumFreeBytes: 0)

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    @Test func ofAJobLeaveLessForOthersUntilItEnds() async throws {
        #expect(try await tracker.reserve(10 * mebibyte, job: video("a"), within: budget) == .reserved)
        // Asked again, as after a crash.
        #expect(try await tracker.reserve(10 * mebibyte, job: video("a"), within: budget) == .reserved)
        // Another process of the host.
        let other = try lab.tracker()
        guard case .noRoom = try await other.reserve(7 * mebibyte, job: image("b"), within: budget) else {
            Issue.record("there is room for more than the budget")
            return
        }
        guard case .neverFits = try await other.reserve(17 * mebibyte, job: image("c"), within: budget) else {
            Issue.record("more than the budget may fit")
            return
        }
        #expect(try await other.reserve(6 * mebibyte, job: image("b"), within: budget) == .reserved)
        #expect(try await tracker.reservedBytes() == 16 * mebibyte)
        _ = try await tracker.jobs.end(video("a"), outcome: .completed, token: "t", record: [])
        #expect(try await tracker.reservedBytes() == 6 * mebibyte)
        #expect(try await other.reserve(16 * mebibyte, job: image("b"), within: budget) == .reserved)
    }

    @Test func isKeptToByEveryWriteAndGrowsWhileThereIsRoom() async throws {
        #expect(try await tracker.reserve(mebibyte, job: video("a"), within: budget) == .reserved)
        let allowance = try await tracker.allowance(video("a"), within: budget)
        try allowance.grow("x", to: mebibyte)
        #expect(try await tracker.reservedBytes() == mebibyte)
        try allowance.grow("x", to: mebibyte)
        try allowance.grow("y", to: 1)
        #expect(try await tracker.reservedBytes() == mebibyte + 4096 + SpaceAllowance.stepBytes)
        #expect(try await tracker.reserve(10 * mebibyte, job: image("b"), within: budget) == .reserved)
        // The step is more than there is, the write itself is not.
        try allowance.grow("y", to: 5 * mebibyte)
        let error = #expect(throws: TempFileError.self) { try allowance.grow("y", to: 5 * mebibyte + 1) }
        #expect(error?.code == .noSpace && error?.isRetriable == true)
        let never = #expect(throws: TempFileError.self) { try allowance.grow("y", to: .max) }
        #expect(never?.code == .noSpace && never?.isRetriable == false)
        #expect(try await tracker.reservedBytes() == 16 * mebibyte)
    }

    @Test func countsWhatIsThereAlreadyAndGivesTheRestBack() async throws {
        let lease = try await tracker.lease(video("a"))
        _ = try await tracker.makeFile("source", bytes: 5000, job: video("a"))
        let allowance = try await tracker.allowance(video("a"), within: budget)
        #expect(try await tracker.reservedBytes() == 8192)
        try allowance.grow("x", to: 4096)
        #expect(try await tracker.reservedBytes() == 12288 + SpaceAllowance.stepBytes)
        try await tracker.trimReservation(video("a"))
        #expect(try await tracker.reservedBytes() == 8192)
        lease.release()
    }

    @Test func countsDeletedFilesAsUsedUntilTheyAreClosed() async throws {
        let lease = try await tracker.lease(video("a"))
        let file = try await tracker.makeFile("source", bytes: 12 * Int(mebibyte), job: video("a"))
        do {
            let opened = try tracker.openForReading(file)
            _ = try await tracker.cleanupJobTempFiles(video("a"))
            #expect(try lab.leftovers().allSatisfy { !$0.contains("source") })
            #expect(tracker.deletedOpenBytes() == 12 * mebibyte)
            guard case .noRoom = try await tracker.reserve(5 * mebibyte, job: image("b"), within: budget) else {
                Issue.record("bytes that are still on disk were given away")
                return
            }
            _ = try opened.status()
        }
        // A child that another test has just forked holds a copy until it runs its own program.
        var looks = 0
        while tracker.deletedOpenBytes() > 0, looks < 10_000 {
            looks += 1
            await Task.yield()
        }
        #expect(tracker.deletedOpenBytes() == 0)
        #expect(try await tracker.reserve(5 * mebibyte, job: image("b"), within: budget) == .reserved)
        lease.release()
    }

    @Test func isAskedForWithTheFilesThatNeedIt() async throws {
        let lease = try await tracker.lease(video("a"))
        let source = NewFile(name: "source", type: .input, description: "")
        func plan(_ bytes: Int64?) async throws -> FilePlan {
            try await tracker.planFiles([source], job: video("a"), stage: .download, reserving: bytes, within: budget)
        }
        for (bytes, word) in [(15, "noRoom"), (17, "neverFits")] {
            #expect(try await tracker.reserve(8 * mebibyte, job: image("b"), within: budget) == .reserved)
            #expect("\(try await plan(Int64(bytes) * mebibyte))".hasPrefix(word))
            #expect(try await tracker.jobTempFiles(video("a")).isEmpty)
        }
        guard case .planned(let files, let allowance) = try await plan(mebibyte) else {
            Issue.record("there is room")
            return
        }
        #expect(try await tracker.jobTempFiles(video("a")).map(\.path.string) == files.map(\.absolutePath))
        try tracker.write(#require(files.first), bytes: 5000)
        try allowance.grow("source", to: mebibyte)
        #expect(try await tracker.reservedBytes() == 9 * mebibyte)
        try await tracker.commitFiles(files, isLast: true)
        #expect(try await tracker.reservedBytes() == 8 * mebibyte + 8192)
        // As after a crash: the file counts, and is begun anew.
        guard case .planned = try await plan(nil) else { return }
        #expect(try await tracker.reservedBytes() == 8 * mebibyte + 8192)
        #expect(await tracker.releaseFiles(["source"], job: video("a"), isLast: true).failures.isEmpty)
        #expect(try await tracker.reservedBytes() == 8 * mebibyte)
        lease.release()
    }

    @Test func isNeverRefusedWithoutABudget() async throws {
        #expect(try await tracker.reserve(.max, job: video("a"), within: .unlimited) == .reserved)
        let allowance = try await tracker.allowance(video("a"), within: .unlimited)
        try allowance.grow("x", to: .max)
        #expect(try await tracker.reservedBytes() == 0)
    }
}
