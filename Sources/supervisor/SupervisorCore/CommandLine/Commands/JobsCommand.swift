internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import TempFiles

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs",
        abstract: "List jobs, or show one with all that happened to it.",
        discussion: """
            Without an ID the newest jobs are listed. With one, its stages, timeline, failures that were tried again, \
            outputs and temp files are shown. Jobs are remembered for JOB_RETENTION_HOURS.

            --media-id and --source find jobs by exactly what they were submitted with.

            --watch goes on showing what changes: drawn anew on a terminal, else a line (with --json a document on a \
            line) for each change. With an ID it ends when the job does, and waits for one that no stage \
            has seen yet when its kind is said.

            Examples:
              supervisor jobs --stage process --kind video
              supervisor jobs --outcome failed --limit 500 --json
              supervisor jobs --media-id m-1
              supervisor jobs --source uploads/clip.mov
              supervisor jobs video/job-1 --watch

            JSON: {"jobs": […], "next"?}, the answer of GET /jobs; with an ID that of GET /jobs/{kind}/{id}; with \
            --watch jobs, each on a line.

            \(CommandExit.text([
                .ok: "shown",
                .failed: "there is no such job, or both kinds have the id; with --watch: the job did not complete",
            ]))
            """
    )

    @Argument(
        help: "video/ID, image/ID, or an ID that only one kind has.",
        completion: .custom { _, _, _ in await JobCompletion.names(nil) }
    )
    var id: String?

    @Option(help: "Only jobs of this kind; the kind of ID.")
    var kind: MediaKind?

    @Option(help: "Only jobs that this stage has, or had last.")
    var stage: Stage?

    @Option(help: "Only jobs that are active, finishing or finished.", completion: .list(states))
    var state: String?

    @Option(help: "Only jobs that ended so.")
    var outcome: JobOutcome?

    @Option(help: "Only jobs of this media item.")
    var mediaID: String?

    @Option(help: "Only jobs of this source: a URL, key:KEY, or the KEY alone.")
    var source: String?

    @Option(help: "How many to list, the newest first.")
    var limit = JobQuery.defaultLimit

    @Flag(help: "Go on showing what changes.")
    var watch = false

    @Flag(help: .json)
    var json = false

    private static let states = JobQuery.places
    private static let maximumLimit = 100_000

    func validate() throws {
        if id != nil, stage != nil || state != nil || outcome != nil || mediaID != nil || source != nil {
            throw ValidationError(
                "--stage, --state, --outcome, --media-id and --source choose from the list; an ID names one job"
            )
        }
        if let state, !Self.states.contains(state) {
            throw ValidationError("--state is one of \(Self.states.joined(separator: ", "))")
        }
        if outcome != nil, let state, state != JobRecord.State.finished.rawValue {
            throw ValidationError("only a finished job has an outcome; leave --state out")
        }
        guard (1...Self.maximumLimit).contains(limit) else {
            throw ValidationError("--limit is 1 to \(Self.maximumLimit)")
        }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            if let id {
                try await show(try JobArgument(id, kind: kind), supervisor)
            } else {
                try await list(supervisor)
            }
        }
    }

    private func list(_ supervisor: RunningSupervisor) async throws {
        let query = JobListQuery(
            kind: kind,
            stage: stage,
            state: outcome?.rawValue ?? state,
            mediaID: mediaID,
            source: source
        )
        if watch {
            try await JobWatch(supervisor: supervisor, style: style).list(query, limit: limit)
        } else {
            let list = try await supervisor.jobs(query, limit: limit)
            if json { return try CommandOutput.write(json: list) }
            CommandOutput.write(lines: JobTable.lines(list, usesColours: Terminal.usesColours))
        }
    }

    private func show(_ job: JobArgument, _ supervisor: RunningSupervisor) async throws {
        let detail: JobDetailView
        if watch {
            detail = try await JobWatch(supervisor: supervisor, style: style).end(of: job)
        } else {
            detail = try await supervisor.detail(job)
            if json { try CommandOutput.write(json: detail) }
        }
        if !json {
            CommandOutput.write(
                lines: JobDetailText.lines(
                    detail,
                    workingDirectory: Paths.workingDirectory,
                    usesColours: Terminal.usesColours
                )
            )
        }
        if watch, detail.job.outcome != .completed { throw CommandExit.failed.code }
    }

    private var style: JobWatch.Style { json ? .documents : Terminal.canRedraw ? .screen : .lines }
}
