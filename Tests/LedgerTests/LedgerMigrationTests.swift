import Foundation
import GRDB
import Glibc
import JobModel
import JobStore
import Logging
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger

/// Ledgers that an earlier version left, with work in them, are opened by this one.
@Suite struct LedgerMigrationTests {
    let lab: Lab
    init() throws { lab = try Lab() }

    private var source: String { lab.workspacePath + "/jobs/video/" + Self.directory("going") + "/source.mp4" }

    private static func directory(_ id: String) -> String { JobKey(kind: .video, id: ByteText(id)).directoryName }

    /// Every version but the newest, as counted by the migrations that it knows.
    static let earlierVersions = Array(
        1..<LedgerSchema.migrator(createdAt: Date(timeIntervalSince1970: 0)).migrations.count
    )

    @Test(arguments: earlierVersions)
    func jobsOfAnEarlierVersionGoOn(_ version: Int) async throws {
        try makeLedger(of: version)
        let tracker = try lab.tracker()

        #expect(lab.log.lines.allSatisfy { $0.level < .error })
        let jobs = try await tracker.jobs.jobs(JobFilter(), before: nil, limit: 10).jobs
        #expect(jobs.map(\.id.string) == ["wished", "done", "going"])
        #expect(try await tracker.jobTempFiles(video("going")).map(\.path.string) == [source])
        let statistics = try await tracker.statistics()
        #expect(statistics[.video]?.totalFiles == 1)
        #expect(statistics[.video]?.totalSizeBytes == 5)

        // The job that was under way goes on in its next stage, and ends.
        let lease = try await tracker.lease(video("going"))
        let start = try await tracker.jobs.begin(
            video("going"),
            StageMessage(stage: .process, hop: 1, mediaID: "m", manifest: nil)
        )
        #expect(start == .proceed(starts: 1, progress: 0))
        _ = try await tracker.cleanupJobTempFiles(video("going"))
        lease.release()
        #expect(
            try await tracker.jobs.end(video("going"), outcome: .completed, token: "t", record: Array("{}".utf8)) != nil
        )
        #expect(try await tracker.statistics()[.video]?.totalFiles == 0)
        #expect(!FileManager.default.fileExists(atPath: source))

        // A late duplicate of the one that ended is known as one.
        let duplicate = try await tracker.jobs.begin(
            video("done"),
            StageMessage(
                stage: .download,
                hop: 0,
                mediaID: "m",
                manifest: nil
            )
        )
        #expect(duplicate == .finished(.completed))
        // The wish of before waits for its job.
        let wished = try #require(try await tracker.jobs.job(video("wished")))
        #expect(wished.isCancelRequested && wished.stage == nil)
    }

    // Versions up to 13 claimed a job's end before they recorded it, and may have died in between.
    @Test(arguments: earlierVersions.filter { $0 <= 13 })
    func jobWhoseEndWasClaimedEnds(_ version: Int) async throws {
        try makeLedger(of: version, withClaimedEnd: true)
        let tracker = try lab.tracker()
        #expect(lab.log.lines.allSatisfy { $0.level < .error })
        let job = try #require(try await tracker.jobs.job(video("ending")))
        #expect(job.state == .active && job.outcome == .completed && job.finishToken == "claimer")
        #expect(try await tracker.jobs.presence(of: video("ending"), node: nil) == .live)
        #expect(try await tracker.jobs.requestCancel(video("ending")) == .over(nil))

        // The message that claimed the end comes back, and no other ends the job.
        let start = try await tracker.jobs.begin(
            video("ending"),
            StageMessage(stage: .cleanup, hop: 3, mediaID: "m", manifest: nil)
        )
        #expect(start == .proceed(starts: 1, progress: 0))
        let record = Array("{}".utf8)
        #expect(try await tracker.jobs.end(video("ending"), outcome: .failed, token: "other", record: record) == nil)
        let end = try await tracker.jobs.end(video("ending"), outcome: .completed, token: "claimer", record: record)
        #expect(end?.state == .finished && end?.outcome == .completed)
        let told = try await tracker.jobs.detail(video("ending"), fileLimit: 0)?.events.map(\.what)
        #expect(told?.suffix(2) == [.finishing, .finished])
    }

    // The message that claimed the end is gone: the sweep has the job ended by another.
    @Test func jobWhoseEndWasClaimedIsHandedToCleanUpOnceItIsSilent() async throws {
        try makeLedger(of: 13, withClaimedEnd: true)
        let tracker = try lab.tracker()
        let rules = SweepRules(graceTime: .seconds(60), maximumSilence: .seconds(86_400))
        let key = video("ending")
        let ender: AbandonedJobEnder = { AbandonedHandOver(hop: $0.record.hop + 1, token: "sweep \($0.record.id)") }
        _ = try await tracker.cleanupOrphanedFiles(rules, endAbandoned: ender)
        try await tracker.jobs.addService(.seconds(86_400))
        #expect(try await tracker.cleanupOrphanedFiles(rules, endAbandoned: ender).abandonedJobs > 0)
        let job = try #require(try await tracker.jobs.job(key))
        #expect(job.outcome == .completed && job.hop == 4 && job.finishToken == "sweep ending")
        #expect(try await tracker.jobs.end(key, outcome: .completed, token: "claimer", record: []) == nil)
        #expect(try await tracker.jobs.end(key, outcome: .completed, token: "sweep ending", record: []) != nil)
    }

    /// A database with the migrations up to `version` and three jobs: one under way with a file, one that has ended,
    /// and a wish to cancel one that never came.
    ///
    /// - Parameter withClaimedEnd: adds a fourth job, whose end is claimed and not recorded.
    private func makeLedger(of version: Int, withClaimedEnd: Bool = false) throws {
        let root = lab.workspacePath
        _ = try lab.tracker()
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] { unlink(root + "/" + name) }
        let queue = try DatabaseQueue(path: root + "/ledger.sqlite")
        let migrator = LedgerSchema.migrator(createdAt: lab.clock.now)
        try migrator.migrate(queue, upTo: migrator.migrations[version - 1])
        let now = lab.clock.now.milliseconds
        let media = version < 13 ? "mediaID" : "media"
        let mediaValue: any DatabaseValueConvertible = version < 13 ? "m" : Data("m".utf8)
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, \(media), state, stage, hop, createdAt, updatedAt)
                        VALUES ('video', ?, ?, ?, 'active', 'download', 0, ?, ?);
                    """,
                arguments: [Data("going".utf8), Self.directory("going"), mediaValue, now, now]
            )
            try db.execute(
                sql: """
                    INSERT INTO file (job, name, state, type, stage, description, sizeBytes, createdAt)
                        VALUES (1, 'source.mp4', 'present', 'input', 'download', 'source', 5, ?);
                    """,
                arguments: [now]
            )
            try db.execute(
                sql: """
                    INSERT INTO job
                        (kind, id, directory, \(media), state, stage, outcome, record, createdAt, updatedAt, finishedAt)
                        VALUES ('video', ?, ?, ?, 'finished', 'cleanup', 'completed', ?, ?, ?, ?);
                    """,
                arguments: [Data("done".utf8), Self.directory("done"), mediaValue, Data("{}".utf8), now, now, now]
            )
            try db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, state, isCancelRequested, createdAt, updatedAt)
                        VALUES ('video', ?, ?, 'active', 1, ?, ?);
                    """,
                arguments: [Data("wished".utf8), Self.directory("wished"), now, now]
            )
            guard withClaimedEnd else { return }
            try db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, state, stage, hop, outcome, finishToken, createdAt, updatedAt)
                        VALUES ('video', ?, ?, 'finishing', 'cleanup', 3, 'completed', 'claimer', ?, ?);
                    """,
                arguments: [Data("ending".utf8), Self.directory("ending"), now, now]
            )
        }
        try queue.close()
        try FileManager.default.createDirectory(
            atPath: root + "/jobs/video/" + Self.directory("going"),
            withIntermediateDirectories: true
        )
        try Data("12345".utf8).write(to: URL(fileURLWithPath: source))
    }
}
