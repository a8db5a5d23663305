import CrashPoints
import Files
import Foundation
import Glibc
import JobModel
import JobStore
import Logging
import TempFilesSupport
import Testing

@testable import TempFiles

/// Files that a stage adds to its plan, in a process that is killed between two durable steps.
@Suite("A plan that grows, in a process that is killed")
struct GrowingCrashTests {
    /// The point of a death, and the crossing of it since the plan began to grow, counted from 1.
    struct Death: Sendable, CustomTestStringConvertible {
        var point: CrashPoint
        var crossing: Int

        var testDescription: String { "\(point.rawValue) \(crossing)" }

        /// The batches of ``GrowingWork`` that are committed before.
        var committedBatches: Int {
            switch point {
            case .outputBegun, .pieceWritten, .fileSynced: crossing > GrowingWork.batches[0].count ? 1 : 0
            case .fileRowsPresent: crossing
            default: crossing - 1
            }
        }
    }

    /// Every step of a batch of two files, and of one of a single file.
    static let deaths =
        [CrashPoint.fileRowsCommitted, .subdirectoriesMade, .directorySynced, .fileRowsPresent].flatMap { point in
            (1...2).map { Death(point: point, crossing: $0) }
        }
        + [CrashPoint.outputBegun, .pieceWritten, .fileSynced].flatMap { point in
            (1...3).map { Death(point: point, crossing: $0) }
        }

    private let lab: Lab
    private let rules = SweepRules(graceTime: .seconds(60), maximumSilence: .seconds(86_400))

    init() throws { lab = try Lab() }

    @Test("keeps what was committed, and its next worker makes the plan anew", arguments: deaths)
    func nextWorker(_ death: Death) async throws {
        let tracker = try await kill(death)
        let lease = try await tracker.lease(GrowingWork.job)
        // As the process stage begins a second time.
        let left = try await tracker.jobTempFiles(GrowingWork.job).map(\.path.string)
        #expect(await tracker.releaseFiles(left, job: GrowingWork.job).failures.isEmpty)
        #expect(try files() == [])
        let allowance = try await GrowingWork.begin(tracker)
        for batch in GrowingWork.batches { try await GrowingWork.grow(batch, tracker, allowance) }
        try await expectWhole(GrowingWork.batches.count, tracker)
        #expect(
            try await tracker.jobTempFiles(GrowingWork.job).count == GrowingWork.names(GrowingWork.batches.count).count
        )
        try await tracker.jobs.handedOver(GrowingWork.job, to: .cleanup, hop: 4)
        lease.release()
        try await cleanUp(tracker)
    }

    @Test("leaves nothing when nobody works on its job again", arguments: deaths)
    func abandoned(_ death: Death) async throws {
        let tracker = try await kill(death)
        try await tracker.jobs.addService(.seconds(86_400))
        let report = try await tracker.cleanupOrphanedFiles(rules) { job in
            AbandonedHandOver(hop: job.record.hop + 1, token: "sweep")
        }
        #expect(report.abandonedJobs == 1)
        try await cleanUp(tracker)
    }

    /// Has a process grow a plan until it is killed, and sweeps the workspace after it.
    private func kill(_ death: Death) async throws -> TempFileTracker {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                directory = lab.temporaryDirectory as String, point = death.point.rawValue as String,
                crossing = death.crossing as Int
            ] in
            try await GrowingWork.run(in: directory, dyingAt: point, crossing)
        }
        let tracker = try lab.tracker()
        try await expectWhole(death.committedBatches, tracker)
        // All that the sweep sees is old.
        lab.clock.advance(by: 86_400)
        _ = try await tracker.cleanupOrphanedFiles(rules)
        try await expectWhole(death.committedBatches, tracker)
        return tracker
    }

    /// Expects the files of so many batches with their bytes, in the ledger as they are, and no file without a row.
    private func expectWhole(_ batches: Int, _ tracker: TempFileTracker) async throws {
        let manifest = try await tracker.jobTempFiles(GrowingWork.job)
        for name in GrowingWork.names(batches) {
            let path = tracker.workspace.absolutePath(of: name, job: GrowingWork.job)
            #expect(FileManager.default.contents(atPath: path).map { [UInt8]($0) } == GrowingWork.content(name))
            let entry = manifest.first { $0.path.string == path }
            #expect(entry?.sizeBytes == Int64(GrowingWork.content(name).count))
        }
        let known = Set(manifest.map(\.path.string))
        #expect(try files().filter { !known.contains($0) } == [])
    }

    /// Ends the job as the clean-up stage does.
    private func cleanUp(_ tracker: TempFileTracker) async throws {
        let lease = try await tracker.lease(GrowingWork.job)
        #expect(try await tracker.cleanupJobTempFiles(GrowingWork.job).failures.isEmpty)
        _ = try await tracker.jobs.end(GrowingWork.job, outcome: .completed, token: "end", record: [])
        lease.release()
        #expect(try lab.leftovers() == [])
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
        #expect(try await tracker.reservedBytes() == 0)
        #expect(try await tracker.findOrphanedFiles(rules).isEmpty)
    }

    /// The files of the job on disk, without its lease.
    private func files() throws -> [String] {
        let directory = lab.workspacePath + "/jobs/video/" + GrowingWork.job.id.string
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? []
        return names.map { directory + "/" + $0 }.filter { path in
            var isDirectory: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
            return isThere && !isDirectory.boolValue && !path.hasSuffix("/" + LeaseFile.name)
        }
    }
}

/// The work of a stage that plans one file, and adds others in batches.
private enum GrowingWork {
    static let job = video()
    static let first = "index.m3u8"
    static let batches = [["hls/0.ts", "hls/1.ts"], ["hls/deep/2.ts"]]
    private static let budget = DiskBudget(maximumBytes: 64 << 20, minimumFreeBytes: 0)

    /// The files that are there once so many batches are committed.
    static func names(_ committed: Int) -> [String] { [first] + batches.prefix(committed).joined() }

    static func content(_ name: String) -> [UInt8] {
        (0..<10_000 + name.utf8.count).map { UInt8(truncatingIfNeeded: $0 &* name.utf8.count) }
    }

    /// Does all of the work, in a process that is killed at a point of it.
    static func run(in directory: String, dyingAt point: String, _ crossing: Int) async throws {
        let order = directory + "/crash"
        setenv(CrashOrder.variable, order, 1)
        let logger = Logger(label: "growing") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: directory, logger: logger)
        let lease = try await tracker.lease(job)
        _ = try await tracker.jobs.begin(job, StageMessage(stage: .process, hop: 3, mediaID: "m", manifest: nil))
        let allowance = try await begin(tracker)
        guard let point = CrashPoint(rawValue: point) else { throw LabError(message: "no point \(point)") }
        let process = CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? ""
        let text = CrashOrder(process: process, point: point, crossing: crossing, number: 1).text
        try Data(text.utf8).write(to: URL(fileURLWithPath: order))
        for batch in batches { try await grow(batch, tracker, allowance) }
        lease.release()
    }

    /// Plans the first file, and makes it last.
    static func begin(_ tracker: TempFileTracker) async throws -> SpaceAllowance {
        let plan = try await tracker.planFiles([file(first)], job: job, stage: .process, within: budget)
        guard case .planned(let files, let allowance) = plan else { throw LabError(message: "not planned") }
        try write(files, tracker, allowance)
        try await tracker.commitFiles(files)
        return allowance
    }

    /// Adds files to the plan, and makes them last.
    static func grow(_ names: [String], _ tracker: TempFileTracker, _ allowance: SpaceAllowance) async throws {
        let files = try await tracker.addFiles(
            names.map(file),
            job: job,
            stage: .process,
            counting: allowance
        )
        try write(files, tracker, allowance)
        try await tracker.commitFiles(files, isFirst: false, isLast: names == batches.last)
    }

    private static func file(_ name: String) -> NewFile {
        NewFile(name: name, type: .output, description: "segment", expectedBytes: Int64(content(name).count))
    }

    private static func write(
        _ files: [TrackedFile],
        _ tracker: TempFileTracker,
        _ allowance: SpaceAllowance
    ) throws {
        for file in files {
            CrashPoint.outputBegun.cross()
            let content = content(file.name)
            try allowance.grow(file.name, to: Int64(content.count))
            let open = try tracker.openForWriting(file)
            try open.write(Array(content.prefix(5000)))
            CrashPoint.pieceWritten.cross()
            try open.write(Array(content.dropFirst(5000)))
            try open.close()
        }
    }
}
