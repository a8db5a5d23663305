import Files
import Foundation
import GRDB
import Glibc
import JobModel
import JobStore
import Logging
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct LedgerTests {
    let lab: Lab
    init() throws { lab = try Lab() }

    private var path: String { lab.workspacePath + "/ledger.sqlite" }

    private static func synchronous(_ db: Database) throws -> Int? { try Int.fetchOne(db, sql: "PRAGMA synchronous") }

    @Test func survivesAPowerCut() async throws {
        let tracker = try lab.tracker()
        for _ in 1...2 {
            #expect(try await tracker.ledger.write { try Self.synchronous($0.db) } == 2)
            #expect(try await tracker.ledger.write(outliving: .death) { try Self.synchronous($0.db) } == 1)
            await #expect(throws: TempFileError.self) {
                try await tracker.ledger.write { _ in throw CancellationError() }
            }
        }
        #expect(try await tracker.ledger.read { try String.fetchOne($0.db, sql: "PRAGMA journal_mode") } == "wal")
    }

    @Test(arguments: ["not a database", "cut off", "empty", "directory", "zeros"])
    func damagedBooksAreSetAsideAndBegunAnew(_ damage: String) async throws {
        do {
            let tracker = try lab.tracker()
            let lease = try await tracker.lease(video())
            try await tracker.makeFile("x", bytes: 1, job: video())
            lease.release()
            try await tracker.ledger.write { try $0.db.execute(sql: "SELECT 1") }
        }
        // The first tracker's connections are closed by then; the last one to close writes the log into the file.
        try await eventually("nobody has the ledger open") { try Self.holders(of: path) == 0 }
        for companion in ["-wal", "-shm"] { unlink(path + companion) }
        switch damage {
        case "cut off": #expect(truncate(path, 5000) == 0)
        case "empty": #expect(truncate(path, 0) == 0)
        case "directory": #expect(unlink(path) == 0 && mkdir(path, 0o700) == 0)
        case "zeros": try Data(count: 65_536).write(to: URL(fileURLWithPath: path))
        default: try Data(String(repeating: "not a database ", count: 1000).utf8).write(to: URL(fileURLWithPath: path))
        }
        let tracker = try lab.tracker()
        #expect(try await tracker.jobs.jobs(limit: 1).isEmpty)
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("y", bytes: 1, job: video())
        lease.release()
        let isSetAside = exists(path + ".corrupt-1")
        // An empty file is a database without tables: nothing to keep.
        #expect(isSetAside == (damage != "empty"))
        let errors = lab.log.lines.filter { $0.level == .error }
        #expect(errors.count == (isSetAside ? 1 : 0))
        if isSetAside { #expect(errors.first?.metadata["file.path"] == path + ".corrupt-1") }
    }

    /// Open descriptors of this process for the file.
    private static func holders(of path: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    @Test func everyDamagedLedgerIsKept() throws {
        for count in 1...3 {
            try FileManager.default.createDirectory(atPath: lab.workspacePath, withIntermediateDirectories: true)
            chmod(lab.workspacePath, 0o700)
            try Data("damage \(count)".utf8).write(to: URL(fileURLWithPath: path))
            _ = try lab.tracker()
            #expect(try String(contentsOfFile: path + ".corrupt-\(count)", encoding: .utf8) == "damage \(count)")
        }
    }

    @Test func damageFoundWhileRunningIsRepairedForAllProcesses() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        for tracker in [first, second] { _ = try await tracker.jobs.recordProgress(video(), percent: 1, step: "") }
        try await first.ledger.write { try $0.db.execute(sql: "SELECT 1") }
        try await first.ledger.checkpoint()
        // Every page but the first is overwritten, and the caches forget what they held when the file changes.
        let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: 4096)
        try file.write(contentsOf: Data(repeating: 0xa5, count: size - 4096))
        try file.close()
        let third = try lab.tracker()
        for tracker in [third, first, second] {
            _ = try await tracker.jobs.recordProgress(video(), percent: 5, step: "")
        }
        #expect(exists(path + ".corrupt-1"))
        #expect(!exists(path + ".corrupt-2"))
        // All three use the same ledger now.
        _ = try await first.jobs.recordProgress(video(), percent: 50, step: "")
        for tracker in [first, second, third] { #expect(try await tracker.jobs.job(video())?.progress == 50) }
    }

    @Test func booksDeletedWhileRunningAreBegunAnewForAllProcesses() async throws {
        let (first, second) = (try lab.tracker(), try lab.tracker())
        _ = try await first.jobs.recordProgress(video(), percent: 10, step: "")
        for companion in ["", "-wal", "-shm"] { unlink(path + companion) }
        _ = try await first.jobs.recordProgress(video(), percent: 20, step: "")
        #expect(try await second.jobs.job(video())?.progress == 20)
        #expect(try await second.jobs.recordProgress(video(), percent: 15, step: "") == 20)
        #expect(try await first.statistics()[.video] == TempFileStatistics())
    }

    @Test func closingTheOldBooksLeavesTheNewOnesAlone() async throws {
        var old: TempFileTracker? = try lab.tracker()
        _ = try await old?.jobs.recordProgress(video(), percent: 10, step: "")
        for companion in ["", "-wal", "-shm"] { #expect(rename(path + companion, path + ".moved" + companion) == 0) }
        let new = try lab.tracker()
        _ = try await new.jobs.recordProgress(video(), percent: 33, step: "")
        old = nil
        _ = try await new.jobs.recordProgress(image(), percent: 44, step: "")
        let later = try lab.tracker()
        #expect(try await later.jobs.job(video())?.progress == 33)
        #expect(try await later.jobs.job(image())?.progress == 44)
    }

    @Test func manyOpenAtOnce() async throws {
        let lab = lab
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    let tracker = try lab.tracker()
                    for round in 0..<5 {
                        _ = try await tracker.jobs.recordProgress(video("\(index)-\(round)"), percent: round, step: "")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await lab.tracker().jobs.jobs(limit: 100).count == 40)
        #expect(!exists(path + ".corrupt-1"))
    }

    @Test func fullDiskIsWorthAnotherTry() async throws {
        let tracker = try lab.tracker()
        let pages = try await tracker.ledger.write { books in
            try Int.fetchOne(books.db, sql: "PRAGMA max_page_count = 1")
        }
        #expect(pages != nil)
        let error = await failure {
            _ = try await tracker.jobs.end(
                video(),
                outcome: .completed,
                token: "end",
                record: [UInt8](repeating: 1, count: 1_000_000)
            )
        }
        #expect(error?.code == .ledgerFull)
        #expect(error?.isRetriable == true)
        #expect(try await tracker.jobs.job(video()) == nil)
    }

    @Test func countersAgreeWithTheRows() async throws {
        let tracker = try lab.tracker()
        var random = SystemRandomNumberGenerator()
        for step in 0..<150 {
            let job = JobKey(kind: MediaKind.allCases[step % 2], id: "job \(Int.random(in: 0..<4, using: &random))")
            let name = "file \(Int.random(in: 0..<4, using: &random))"
            let file = TrackedFile(job: job, name: name, absolutePath: "")
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                _ = try await tracker.trackFile(
                    NewFile(name: name, type: .output, description: ""),
                    job: job,
                    stage: .process
                )
            case 2: try await tracker.recordSizes([file: Int64.random(in: -10...1000, using: &random)])
            case 3: _ = await tracker.releaseFiles([name], job: job)
            default:
                _ = try await tracker.jobs.end(job, outcome: .completed, token: "end", record: [])
                _ = try await tracker.jobs.begin(
                    job,
                    StageMessage(
                        stage: .download,
                        hop: 0,
                        run: JobRun(redrives: Int64(step) + 1),
                        mediaID: "m",
                        manifest: nil
                    )
                )
            }
        }
        let counted = try await tracker.ledger.read { books in
            try Row.fetchAll(
                books.db,
                sql: """
                    SELECT kind, COUNT(DISTINCT job) AS jobs, COUNT(*) AS files, SUM(sizeBytes) AS bytes
                    FROM file JOIN job ON job.number = file.job GROUP BY kind
                    """
            ).map { ($0["kind"] as String, $0["jobs"] as Int, $0["files"] as Int, $0["bytes"] as Int64) }
        }
        let statistics = try await tracker.statistics()
        for kind in MediaKind.allCases {
            let row = counted.first { $0.0 == kind.rawValue }
            let expected = TempFileStatistics(
                totalJobs: row?.1 ?? 0,
                totalFiles: row?.2 ?? 0,
                totalSizeBytes: row?.3 ?? 0
            )
            #expect(statistics[kind] == expected)
        }
    }
}

extension Ledger {
    /// Moves all of the log into the database's file.
    func checkpoint() async throws {
        let path = path
        _ = try await DatabasePool(path: path).writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }
}
