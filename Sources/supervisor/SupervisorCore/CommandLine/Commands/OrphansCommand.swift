internal import AMQP
internal import ArgumentParser
internal import Files
internal import Glibc
internal import JobModel
internal import Logging
internal import Queues
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

struct OrphansCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orphans",
        abstract: "List files and uploads of nobody, or remove them.",
        discussion: """
            Works on the workspace in TEMP_DIR, beside a running tree or without one. While a supervisor runs from \
            STATE_DIR it has to be that one's. Root becomes the user in RUN_AS first, as the workspace is its owner's. \
            Files of jobs that are worked on or wait for their next stage are never among them. A running tree removes \
            orphans by itself, every CLEANUP_INTERVAL_HOURS. With SPILL_URL, spilled objects that nobody owns are \
            among them: those of this host, and very old ones of others. Abandoned jobs are given to the clean-up \
            stage, which needs the broker: that of the running tree, or RABBITMQ_URL.

            In a bucket (STORAGE_URL), open uploads are listed that are of no job under way and older than \
            ORPHAN_GRACE_MINUTES. --clean aborts those of jobs of this host that have ended, and any that are older \
            than JOB_MAX_AGE_HOURS: a younger one may be of another host. It also removes objects that failed and \
            cancelled jobs could not remove themselves.

            JSON: {"workspace", "orphans": [{"path", "sizeBytes", "ageSeconds", "kind"?, "job"?, "reason", \
            "detail"?, "removable"}], "totalBytes", "spillProblem"?, "store"?: {"uploads": [{"key", "destination"?, \
            "ageSeconds"?, "reason", "kind"?, "job"?, "removable"}], "leftJobs", "problem"?}, "cleaned"?: \
            {"filesCleaned", "bytesFreed", "durationMilliseconds", "abandonedJobs", "failures", \
            "leavesAbandonedJobs", "spillProblem"?, "store"?: {"uploadsAborted", "objectsRemoved", "problem"?}}}.

            \(CommandExit.text([
                .ok: "listed, or all removable ones removed", .failed: "something was left, or another process sweeps",
                .configuration: "the running supervisor uses another workspace",
            ]))
            """
    )

    @Flag(help: "Remove what is listed as removable.")
    var clean = false

    @Flag(help: .json)
    var json = false

    func run() async throws {
        let settings = try CommandFailure.settingsAsOwnUser()
        signal(SIGPIPE, SIG_IGN)
        do {
            let report = try await report(settings)
            if json {
                try CommandOutput.write(json: report)
            } else {
                CommandOutput.write(lines: OrphanText.lines(report))
            }
            if report.cleaned?.isComplete == false || report.spillProblem != nil { throw CommandExit.failed.code }
        } catch let error as TempFileError {
            throw CommandFailure.report(error.message, .failed)
        }
    }

    private func report(_ settings: Settings) async throws -> OrphanReport {
        let path = settings.temporaryDirectory + "/" + Workspace.directoryName
        try checkWorkspace(path, RunFile.read(stateDirectory: settings.stateDirectory))
        // A look makes no workspace.
        if access(path, F_OK) != 0, errno == ENOENT { return OrphanReport(workspace: path, orphans: []) }
        // Standard output belongs to the command.
        let logger = Logger(label: "orphans") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(
            temporaryDirectory: settings.temporaryDirectory,
            spillStore: settings.spillURL,
            fileLevel: settings.fileLogLevel,
            logger: logger
        )
        let rules = SweepRules(settings)
        let orphans = try await tracker.findOrphanedFiles(rules)
        var report = OrphanReport(workspace: tracker.workspace.path, orphans: orphans)
        report.store = await StoreOrphanReport.look(settings, tracker, logger)
        let spilled = SpillOrphans(tracker: tracker, store: SpillStores(settings), settings: settings)
        if let spilled { report.add(try await spilled.find()) }
        if !clean { return report }
        let hasAbandoned = orphans.contains { $0.reason == .abandonedJob }
        let client = hasAbandoned ? try brokerClient(settings, logger) : nil
        let ender = client.map { AbandonedJobNotice.ender($0, queues: settings.queueLayout) }
        do {
            var cleaned = try await tracker.cleanupOrphanedFiles(rules, endAbandoned: ender)
            let objects = try await spilled?.clean()
            if let objects { cleaned.add(objects.report) }
            report.cleaned = OrphanReport.Cleaned(
                cleaned,
                leavesAbandonedJobs: hasAbandoned && client == nil,
                spillProblem: objects?.problem
            )
            if report.store != nil {
                report.cleaned?.store = await StoreOrphanReport.clean(settings, tracker, logger)
            }
        } catch {
            await client?.close()
            throw error
        }
        await client?.close()
        return report
    }

    /// Refuses another workspace than the running tree's: a clean one would tell nothing about the tree.
    private func checkWorkspace(_ path: String, _ running: RunFile?) throws {
        guard let running, let theirs = running.workspace, !Paths.areSame(theirs, path) else { return }
        throw CommandFailure.report(
            "the running supervisor (process \(running.pid)) uses the workspace \(OrphanText.plain(theirs)), this "
                + "command "
                + "\(OrphanText.plain(Paths.absolute(path))); set TEMP_DIR to "
                + "\(OrphanText.plain(parentPath(theirs) ?? "/"))",
            .configuration
        )
    }

    /// nil when there is no broker to be found.
    private func brokerClient(_ settings: Settings, _ logger: Logger) throws -> AMQPClient? {
        guard let url = RunFile.read(stateDirectory: settings.stateDirectory)?.brokerURL ?? settings.brokerURL else {
            return nil
        }
        do throws(AMQPError) {
            let client = AMQPClient(
                endpoints: try AMQPEndpoints(parsing: url),
                connectionName: "supervisor orphans",
                configuration: AMQPConfiguration(replyTimeout: .seconds(10), publishTimeout: .seconds(10)),
                logger: logger
            )
            try client.start()
            return client
        } catch {
            throw CommandFailure.report("the broker cannot be used: \(error.message)", .unavailable)
        }
    }
}
