import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import TempFiles

/// Files that a stage adds to its plan while it works.
@Suite struct GrowingTests {
    let lab: Lab
    let tracker: TempFileTracker
    private static let mebibyte: Int64 = 1 << 20

    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func file(_ name: String, expecting bytes: Int64? = nil) -> NewFile {
        NewFile(name: name, type: .output, description: "segment", expectedBytes: bytes)
    }

    private func allowance(
        _ names: [String] = [],
        job: JobKey = video(),
        within budget: DiskBudget = .unlimited
    ) async throws -> SpaceAllowance {
        let plan = try await tracker.planFiles(names.map { file($0) }, job: job, stage: .process, within: budget)
        guard case .planned(_, let allowance) = plan else { throw LabError(message: "not planned") }
        return allowance
    }

    private func add(
        _ files: [NewFile],
        job: JobKey = video(),
        _ allowance: SpaceAllowance
    ) async throws(TempFileError) -> [TrackedFile] {
        try await tracker.addFiles(files, job: job, stage: .process, counting: allowance)
    }

    private func names() async throws -> [String] {
        let directory = tracker.workspace.absolutePath(of: "", job: video())
        return try await tracker.jobTempFiles(video()).map { String($0.path.string.dropFirst(directory.count)) }
    }

    @Test func planGrowsOneByOneAndInBatches() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance(["index.m3u8"])
        var segments = try await add([file("hls/0.ts")], allowance)
        segments += try await add([file("hls/1.ts"), file("hls/deep/2.ts")], allowance)
        #expect(try await add([], allowance).isEmpty)
        // They are in the ledger before they exist.
        #expect(try await names() == ["index.m3u8", "hls/0.ts", "hls/1.ts", "hls/deep/2.ts"])
        #expect(segments.allSatisfy { !exists($0.absolutePath) })

        for (index, segment) in segments.enumerated() { try tracker.write(segment, bytes: index + 1) }
        let committed = try await tracker.commitFiles(segments)
        #expect(committed.map(\.sizeBytes) == [1, 2, 3])
        #expect(committed.allSatisfy { $0.stage == .processing && $0.type == .output })
        #expect(try await tracker.jobTempFiles(video()).map(\.sizeBytes) == [0, 1, 2, 3])

        let report = try await tracker.cleanupJobTempFiles(video())
        lease.release()
        #expect(report.filesCleaned == 3)
        #expect(try lab.leftovers().isEmpty)
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
    }

    @Test func threadOfAnEngineAddsFiles() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        let added = try tracker.addFilesBlocking([file("hls/0.ts")], job: video(), stage: .process, counting: allowance)
        try tracker.write(#require(added.first), bytes: 1)
        #expect(try await names() == ["hls/0.ts"])
        lease.release()
    }

    @Test func jobThatHasEndedTakesNoMoreFiles() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        let error = await failure { _ = try await add([file("hls/0.ts")], allowance) }
        #expect(error?.code == .jobFinished && error?.isRetriable == false)
        #expect(try await names().isEmpty)
        lease.release()
    }

    @Test func onlyTheHolderOfTheLeaseAddsFiles() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        let other = try lab.tracker()
        let stranger = await failure {
            _ = try await other.addFiles([file("a")], job: video(), stage: .process, counting: allowance)
        }
        #expect(stranger?.code == .leaseNotHeld)
        lease.release()
        let late = await failure { _ = try await add([file("hls/0.ts")], allowance) }
        #expect(late?.code == .leaseNotHeld)
        #expect(try await names().isEmpty)
    }

    @Test func fileThatIsThereIsNotBegunAnew() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance(["planned"])
        let added = try await add([file("added")], allowance)
        try tracker.write(#require(added.first), bytes: 5)
        try await tracker.commitFiles(added)
        for taken in [["planned"], ["added"], ["new", "added"], ["twice", "twice"]] {
            let error = await failure { _ = try await add(taken.map { file($0) }, allowance) }
            #expect(error?.code == .nameTaken && error?.isRetriable == false, "\(taken)")
        }
        #expect(try await names() == ["planned", "added"])
        #expect(try await tracker.jobTempFiles(video()).map(\.sizeBytes) == [0, 5])
        // Names are bytes: these two look the same.
        _ = try await add([file("caf\u{e9}"), file("cafe\u{301}")], allowance)
        // A file that was released may be made again.
        _ = await tracker.releaseFiles(["added"], job: video())
        _ = try await add([file("added")], allowance)
        lease.release()
    }

    @Test(arguments: ["../x", "/etc/x", "hls/../../x", ".lease", "a//b", "a/./b", "", "a\0b"])
    func nameThatLeavesTheDirectoryIsRefused(_ name: String) async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        let error = await failure { _ = try await add([file("good"), file(name)], allowance) }
        #expect(error?.code == .invalidName)
        #expect(try await names().isEmpty)
        lease.release()
    }

    @Test func asManyFilesAsAMessageNamesAndNoMore() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance(["index.m3u8"])
        let most = TempFileTracker.maximumFiles
        #expect(most == 19_900)
        for start in stride(from: 1, to: most, by: 5000) {
            _ = try await add((start..<min(start + 5000, most)).map { file("hls/\($0).ts") }, allowance)
        }
        let manifest = try await tracker.jobTempFiles(video())
        #expect(manifest.count == most)
        var ticket = Ticket(id: "job-1", mediaID: "m", kind: .video)
        ticket.tempFiles = manifest
        #expect(ticket.json.serialized().count < Ticket.maximumBytes)

        let error = await failure { _ = try await add([file("one-more")], allowance) }
        #expect(error?.code == .tooManyFiles && error?.isRetriable == false)
        #expect(error?.message.contains("19900") == true)
        #expect(try await tracker.jobTempFiles(video()).count == most)
        lease.release()
    }

    @Test func namesThatFillAMessageAreRefused() async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        let long = String(repeating: String(repeating: "n", count: 199) + "/", count: 5)
        let error = await failure {
            for start in stride(from: 0, to: 10_000, by: 500) {
                _ = try await add((start..<start + 500).map { file("\(long)\($0)") }, allowance)
            }
        }
        #expect(error?.code == .tooManyFiles)
        #expect(error?.message.contains("\(TempFileTracker.maximumManifestBytes) bytes") == true)
        var ticket = Ticket(id: "job-1", mediaID: "m", kind: .video)
        ticket.tempFiles = try await tracker.jobTempFiles(video())
        #expect(ticket.tempFiles?.count ?? 0 > 3000)
        #expect(ticket.json.serialized().count < Ticket.maximumBytes / 2 + 1_000_000)
        lease.release()
    }

    // Killed between the row and the file, or between the file and its commit: the kernel drops the lease, nothing else
    // happens.
    @Test(arguments: [false, true])
    func workerThatDiesLeavesNothingBehind(_ hasMadeTheFile: Bool) async throws {
        let lease = try await tracker.lease(video())
        let allowance = try await allowance()
        let added = try await add([file("hls/0.ts")], allowance)
        if hasMadeTheFile { try tracker.write(#require(added.first), bytes: 100) }
        lease.release()

        let sweeper = try lab.tracker()
        let rules = SweepRules(graceTime: .seconds(60))
        let orphans = try await sweeper.findOrphanedFiles(rules)
        #expect(orphans.map(\.reason) == (hasMadeTheFile ? [] : [.missingFile]))
        let next = try await sweeper.lease(video())
        let report = try await sweeper.cleanupJobTempFiles(video())
        next.release()
        #expect(report.filesCleaned == (hasMadeTheFile ? 1 : 0))
        #expect(try lab.leftovers().isEmpty)
        #expect(try await sweeper.statistics()[.video] == TempFileStatistics())
    }

    @Test func expectedSizesAreReservedAndWritesAreCounted() async throws {
        let lease = try await tracker.lease(video())
        let budget = DiskBudget(maximumBytes: 8 * Self.mebibyte, minimumFreeBytes: 0)
        let allowance = try await allowance(within: budget)
        _ = try await add([file("0.ts", expecting: 3 * Self.mebibyte)], allowance)
        #expect(try await tracker.reservedBytes() >= 3 * Self.mebibyte)
        _ = try await add([file("1.ts", expecting: 3 * Self.mebibyte)], allowance)
        #expect(try await tracker.reservedBytes() >= 6 * Self.mebibyte)
        // Both keep their space, also from a third, and from a file that nobody knew the size of.
        let third = await failure { _ = try await add([file("2.ts", expecting: 3 * Self.mebibyte)], allowance) }
        #expect(third?.code == .noSpace && third?.isRetriable == false)
        _ = try await add([file("3.ts")], allowance)
        let unknown = await failure { try allowance.grow("3.ts", to: 3 * Self.mebibyte) }
        #expect(unknown?.code == .noSpace)
        try allowance.grow("3.ts", to: 2 * Self.mebibyte)
        for name in ["0.ts", "1.ts"] { try allowance.grow(name, to: 3 * Self.mebibyte) }
        let full = await failure { try allowance.grow("0.ts", to: 3 * Self.mebibyte + 1) }
        #expect(full?.code == .noSpace)
        #expect(try await names() == ["0.ts", "1.ts", "3.ts"])
        #expect(try await tracker.reservedBytes() == 8 * Self.mebibyte)
        lease.release()
    }

    @Test func spaceOfAnotherJobIsWaitedFor() async throws {
        let budget = DiskBudget(maximumBytes: 8 * Self.mebibyte, minimumFreeBytes: 0)
        #expect(try await tracker.reserve(6 * Self.mebibyte, job: image(), within: budget) == .reserved)
        let lease = try await tracker.lease(video())
        let allowance = try await allowance(within: budget)
        let error = await failure { _ = try await add([file("0.ts", expecting: 3 * Self.mebibyte)], allowance) }
        #expect(error?.code == .noSpace && error?.isRetriable == true)
        #expect(try await names().isEmpty)
        // A name that is refused gives back what was expected of it.
        _ = try await add([file("1.ts")], allowance)
        for _ in 0..<5 {
            let taken = await failure { _ = try await add([file("1.ts", expecting: Self.mebibyte)], allowance) }
            #expect(taken?.code == .nameTaken)
        }
        try allowance.grow("1.ts", to: 2 * Self.mebibyte)
        lease.release()
    }
}
