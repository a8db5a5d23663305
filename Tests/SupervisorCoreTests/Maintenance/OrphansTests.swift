import AMQP
import Foundation
import Glibc
import JobModel
import JobObjects
import JobStore
import Logging
import Queues
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

@Suite(.timeLimit(.minutes(10)))
struct OrphansTests {
    private let scratch = Scratch()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let key = JobKey(kind: .video, id: "job-1")

    private func record(stage: Stage?, hop: Int64 = 2) async throws -> JobRecord {
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        if let stage {
            _ = try await tracker.jobs.begin(key, StageMessage(stage: stage, hop: hop, mediaID: "m", manifest: nil))
        }
        _ = try await tracker.jobs.recordNews(key, percent: 40, step: "processing_video", interval: .zero)
        return try #require(try await tracker.jobs.job(key))
    }

    @Test("An abandoned job's ticket goes to clean-up as failed, with all that its last ticket held")
    func notice() async throws {
        var last = Ticket(id: "job-1", mediaID: "m", kind: .video)
        last.userID = "u"
        last.hop = 2
        last.attempt = 3
        last.transfer = "old"
        let job = AbandonedJob(
            record: try await record(stage: .process),
            ticket: last.json.serialized(),
            silence: .seconds(90_000)
        )
        let ticket = AbandonedJobNotice.ticket(job, transfer: "new", now: "then")
        #expect(ticket.hop == 3 && ticket.attempt == 0 && ticket.transfer == "new")
        #expect(ticket.userID == "u" && ticket.mediaID == "m")
        #expect(ticket.phase == .cleanup && ticket.previousPhase == .processing)
        #expect(ticket.outcome == .failed)
        #expect(ticket.failure?.code == "abandoned" && ticket.failure?.stage == .process)
        #expect(ticket.failure?.message.contains("25 hours") == true)
    }

    @Test("A job without a ticket, or with one of another job, is ended all the same", arguments: [true, false])
    func noticeWithoutTicket(hasTicket: Bool) async throws {
        let other = Ticket(id: "another", mediaID: "x", kind: .video)
        let job = AbandonedJob(
            record: try await record(stage: .process),
            ticket: hasTicket ? other.json.serialized() : nil,
            silence: .seconds(36)
        )
        let ticket = AbandonedJobNotice.ticket(job, transfer: "new", now: "then")
        #expect(ticket.key == key && ticket.mediaID == "m" && ticket.outcome == .failed)
        #expect(ticket.failure?.message.contains("0.01 hours") == true)
    }

    @Test("An end that the job had come to stays as it was")
    func noticeOfAHangingEnd() async throws {
        var record = try await record(stage: .cleanup)
        // An earlier version has let a message claim the end.
        record.outcome = .completed
        let job = AbandonedJob(record: record, ticket: nil, silence: .seconds(90_000))
        let ticket = AbandonedJobNotice.ticket(job, transfer: "new", now: "then")
        #expect(ticket.outcome == .completed && ticket.failure == nil)
    }

    @Test("What is shown holds nothing that a terminal obeys")
    func plain() {
        #expect(OrphanText.plain("a\u{1B}[2Jb\u{9B}c\nd") == #"a\u{1B}[2Jb\u{9B}c\nd"#)
    }

    @Test("No orphans are said to be there only where there are none; what there is of one is told in the singular")
    func words() {
        var report = OrphanReport(workspace: "/w", orphans: [])
        #expect(OrphanText.lines(report) == ["no orphans in /w"])
        func upload(_ key: String) -> StoreOrphanReport.Upload {
            StoreOrphanReport.Upload(key: key, ageSeconds: 60, reason: .unknownUpload, removable: true)
        }
        report.store = StoreOrphanReport(uploads: [upload("a")], leftJobs: [])
        let listed = OrphanText.lines(report)
        #expect(listed.first == "no orphaned files in /w" && listed.contains { $0.hasPrefix("OPEN UPLOAD") })
        #expect(listed.last == "1 open upload; nothing was aborted (--clean aborts)")
        report.store?.uploads.append(upload("b"))
        report.store?.unlisted = 3
        #expect(OrphanText.lines(report).last == "5 open uploads; nothing was aborted (--clean aborts)")
        var cleaned = OrphanReport.Cleaned(CleanupReport(), leavesAbandonedJobs: false)
        for (count, words) in [
            (1, "1 upload aborted, 1 object removed"), (2, "2 uploads aborted, 2 objects removed"),
            (0, "0 uploads aborted, 0 objects removed"),
        ] {
            cleaned.store = StoreOrphanReport.Cleaned(uploadsAborted: count, objectsRemoved: count)
            report.cleaned = cleaned
            #expect(OrphanText.lines(report).last == words)
        }
    }

    // MARK: - The command

    private func run(
        _ arguments: [String],
        _ more: [String: String] = [:]
    ) async throws -> (exit: ChildProcess.Exit, output: String) {
        let output = scratch.path + "/output-\(UUID().uuidString)"
        let child = try ChildProcess(
            BuiltExecutable.path("supervisor"),
            ["orphans"] + arguments,
            environment: [
                "PATH": "/usr/bin:/bin", "TEMP_DIR": scratch.path, "STATE_DIR": scratch.path + "/state",
                "LOG_DIR": scratch.path + "/logs", "ORPHAN_GRACE_MINUTES": "0", "JOB_MAX_AGE_HOURS": "1",
            ].merging(more) { $1 },
            output: output
        )
        let exit = await child.wait()
        return (exit, try String(contentsOfFile: output, encoding: .utf8))
    }

    private func report(_ output: String) throws -> OrphanReport {
        try JSONText.decode(OrphanReport.self, from: Array(output.utf8))
    }

    @Test("A look where there is no workspace makes none")
    func noWorkspace() async throws {
        let (exit, output) = try await run([])
        #expect(exit == .status(0))
        #expect(output == "no orphans in \(scratch.path)/media-processor\n")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/media-processor"))
    }

    @Test("Orphans are listed with path, size, age and reason, and only --clean removes them")
    func listAndClean() async throws {
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else { return }
        lease.release()
        let directory = tracker.workspace.path + "/jobs/video/job-1"
        try Data(count: 1500).write(to: URL(filePath: directory + "/unknown"))
        #expect(symlink("/etc", directory + "/link") == 0)
        let (exit, output) = try await run([])
        #expect(exit == .status(0))
        #expect(output.contains("unknown file   1.5 kB"))
        #expect(output.contains("symbolic link"))
        #expect(output.contains("2 orphans, "))
        let listed = try report(try await run(["--json"]).output)
        #expect(listed.orphans.map(\.reason).sorted { $0.rawValue < $1.rawValue } == [.foreignEntry, .unknownFile])
        #expect(listed.orphans.allSatisfy { $0.job == "job-1" && $0.kind == .video && $0.removable })
        #expect(listed.cleaned == nil)
        #expect(FileManager.default.fileExists(atPath: directory + "/unknown"))
        let clean = try await run(["--clean", "--json"])
        #expect(clean.exit == .status(0))
        let cleaned = try #require(try report(clean.output).cleaned)
        #expect(cleaned.filesCleaned == 2 && cleaned.failures.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: directory))
        #expect(try await run([]).output.hasPrefix("no orphans"))
    }

    @Test("An abandoned job is given to its clean-up queue once, and is left where there is no broker")
    func abandoned() async throws {
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        _ = try await tracker.jobs.begin(key, StageMessage(stage: .process, hop: 2, mediaID: "m", manifest: nil))
        let rules = SweepRules(graceTime: .zero, maximumSilence: .seconds(3600))
        _ = try await tracker.cleanupOrphanedFiles(rules)
        try await tracker.jobs.addService(.seconds(3600))
        let without = try await run(["--clean"])
        #expect(without.exit == .status(1))
        #expect(without.output.contains("abandoned jobs were left"))
        #expect(try await tracker.jobs.job(key)?.hop == 2)
        let prefix = "or.\(UUID().uuidString.prefix(8).lowercased())."
        let broker = ["RABBITMQ_URL": try await TestBroker.url(), "QUEUE_PREFIX": prefix]
        let first = try await run(["--clean", "--json"], broker)
        #expect(first.exit == .status(0))
        #expect(try report(first.output).cleaned?.abandonedJobs == 1)
        #expect(try await run(["--clean"], broker).output.hasPrefix("no orphans"))
        let queue = QueueNames(prefix: prefix).work(.video, .cleanup)
        try await withTestClient { client in
            #expect(try await client.messageCount(queue: queue) == 1)
            let consumer = try client.consume(AMQPQueue(queue))
            let delivery = try #require(await consumer.makeAsyncIterator().next())
            let ticket = try Ticket(parsing: delivery.body, expecting: .video)
            #expect(ticket.key == key && ticket.hop == 3 && ticket.outcome == .failed)
            #expect(ticket.failure?.code == "abandoned")
            await consumer.stop()
            _ = try await client.delete(queue: queue)
        }
    }

    @Test(
        "Beside a running supervisor its workspace is looked at, by whatever path, and any other is refused",
        arguments: [[], ["--clean"]]
    )
    func otherWorkspace(_ arguments: [String]) async throws {
        let (theirs, state) = (scratch.path + "/theirs", scratch.path + "/state")
        for path in [theirs, state] {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
        }
        let tracker = try TempFileTracker.open(temporaryDirectory: theirs, logger: logger)
        #expect(symlink(theirs, scratch.path + "/link") == 0)
        var file = RunFile(pid: getpid(), port: 1, brokerURL: "", startedAt: "", version: "")
        file.workspace = tracker.workspace.path
        try file.write(stateDirectory: state)
        let (exit, output) = try await run(arguments)
        #expect(exit == .status(78))
        let words =
            "Error: the running supervisor (process \(getpid())) uses the workspace \(tracker.workspace.path), "
            + "this command \(scratch.path)/media-processor; set TEMP_DIR to \(theirs)\n"
        #expect(output == words)
        #expect(try await run(arguments, ["TEMP_DIR": scratch.path + "/link"]).exit == .status(0))
        // One that runs no more does not matter.
        RunFile.remove(stateDirectory: state)
        #expect(try await run(arguments).exit == .status(0))
    }

    @Test("Where another process sweeps, nothing is done and that is said")
    func oneSweeper() async throws {
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        _ = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero))
        let lock = try ProcessLock(tracker.workspace.path + "/sweep.lock")
        let (exit, output) = try await run(["--clean"])
        #expect(exit == .status(1))
        #expect(output.contains("another process is sweeping"))
        withExtendedLifetime(lock) {}
    }
}
