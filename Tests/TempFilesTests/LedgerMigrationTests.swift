import Foundation
import GRDB
import Glibc
import JobModel
import Logging
import TestSupport
import Testing

@testable import TempFiles

/// Ledgers that an earlier version left, with work in them, are opened by this one.
@Suite struct LedgerMigrationTests {
    let lab: Lab
    init() throws { lab = try Lab() }

    private var source: String { lab.workspacePath + "/jobs/video/" + Self.directory("going") + "/source.mp4" }

    private static func directory(_ id: String) -> String { Workspace.directoryName(ofJobID: id) }

    /// Every version but the newest, as counted by the migrations that it knows.
    static let earlierVersions = Array(
        1..<LedgerSchema.migrator(createdAt: Date(timeIntervalSince1970: 0)).migrations.count
    )

    @Test(arguments: earlierVersions)
    func jobsOfAnEarlierVersionGoOn(_ version: Int) async throws {
        try makeLedger(of: version)
        let tracker = try lab.tracker()

        #expect(lab.log.lines.allSatisfy { $0.level < .error })
        let jobs = try await tracker.jobs(JobFilter(), before: nil, limit: 10).jobs
        #expect(jobs.map(\.id.string) == ["wished", "done", "going"])
        #expect(try await tracker.jobTempFiles(video("going")).map(\.path.string) == [source])
        let statistics = try await tracker.statistics()
        #expect(statistics[.video]?.totalFiles == 1)
        #expect(statistics[.video]?.totalSizeBytes == 5)

        // The job that was under way goes on in its next stage, and ends.
        let lease = try await tracker.lease(video("going"))
        let start = try await tracker.begin(video("going"), stage: .process, hop: 1, mediaID: "m", manifest: nil)
        #expect(start == .proceed(starts: 1, progress: 0))
        _ = try await tracker.cleanupJobTempFiles(video("going"))
        lease.release()
        #expect(try await tracker.end(video("going"), outcome: .completed, token: "t", record: Array("{}".utf8)) != nil)
        #expect(try await tracker.statistics()[.video]?.totalFiles == 0)
        #expect(!FileManager.default.fileExists(atPath: source))

        // A late duplicate of the one that ended is known as one.
        let duplicate = try await tracker.begin(video("done"), stage: .download, hop: 0, mediaID: "m", manifest: nil)
        #expect(duplicate == .finished(.completed))
        // The earlier cancellation request waits for its job.
        let wished = try #require(try await tracker.job(video("wished")))
        #expect(wished.isCancelRequested && wished.stage == nil)
    }

    /// A database with the migrations up to `version` and three jobs: one under way with a file, one that has ended,
    /// and a request to cancel one that never came.
    private func makeLedger(of version: Int) throws {
        let root = lab.workspacePath
        _ = try lab.tracker()
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] { unlink(root + "/" + name) }
        let queue = try DatabaseQueue(path: root + "/ledger.sqlite")
        let migrator = LedgerSchema.migrator(createdAt: lab.clock.now)
        try migrator.migrate(queue, upTo: migrator.migrations[version - 1])
        let now = lab.clock.now.milliseconds
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, mediaID, state, stage, hop, createdAt, updatedAt)
                        VALUES ('video', ?, ?, 'm', 'active', 'download', 0, ?, ?);
                    """,
                arguments: [Data("going".utf8), Self.directory("going"), now, now]
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
                        (kind, id, directory, mediaID, state, stage, outcome, record, createdAt, updatedAt, finishedAt)
                        VALUES ('video', ?, ?, 'm', 'finished', 'cleanup', 'completed', ?, ?, ?, ?);
                    """,
                arguments: [Data("done".utf8), Self.directory("done"), Data("{}".utf8), now, now, now]
            )
            try db.execute(
                sql: """
                    INSERT INTO job (kind, id, directory, state, isCancelRequested, createdAt, updatedAt)
                        VALUES ('video', ?, ?, 'active', 1, ?, ?);
                    """,
                arguments: [Data("wished".utf8), Self.directory("wished"), now, now]
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
