internal import ArgumentParser
internal import Glibc
internal import JobModel

struct RedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "List dead letters, or run their jobs again.",
        discussion: """
            Alone it lists the messages in the dead-letter queues with their reasons, and changes nothing. Jobs that are \
            chosen by ID, by reason or all of them are sent back to download for a new run with all attempts. Messages \
            that are no jobs stay where they are.

            Examples:
              supervisor redrive
              supervisor redrive video/job-1
              supervisor redrive --reason worker_died

            JSON: {"letters": […], "total"}, the answer of GET /dead; when jobs are chosen {"jobs": ["kind/id"], \
            "unreadable", "unseen", "errors": [{"job", "error"}]}, where `unreadable` counts chosen messages that are no \
            jobs, `unseen` those that were not looked at.

            \(CommandExit.text([
                .ok: "listed, or all that was chosen runs again", .failed: "nothing that was chosen could be sent back",
                .partial: "some of it",
            ]))
            """
    )

    @Argument(
        help: "video/ID, image/ID, or an ID that only one kind has.",
        completion: .custom { _, _, _ in await JobCompletion.names("failed") }
    )
    var id: [String] = []

    @Flag(help: "All jobs among the dead letters.")
    var all = false

    @Option(help: "All jobs with this reason code, as the list shows it.")
    var reason: String?

    @Option(help: "The kind of every ID.")
    var kind: MediaKind?

    @Flag(help: "Print one JSON document, and nothing else, on standard output.")
    var json = false

    /// What `--json` prints of a redrive.
    struct Document: Codable, Equatable {
        /// `kind/id` of each job that runs again.
        var jobs: [String]
        /// Chosen messages that are no jobs; they stay.
        var unreadable: Int
        /// Messages that were not looked at, as too many wait; ask again.
        var unseen: Int
        /// Chosen IDs that could not be sent back, and why.
        var errors: [Refusal]
    }

    struct Refusal: Codable, Equatable {
        var job: String
        var error: String
    }

    func validate() throws {
        let choices = (id.isEmpty ? 0 : 1) + (all ? 1 : 0) + (reason == nil ? 0 : 1)
        if choices > 1 { throw ValidationError("give IDs, --reason or --all, not several of them") }
        if kind != nil, id.isEmpty { throw ValidationError("--kind says of which kind the IDs are, and there is none") }
        if reason?.isEmpty == true { throw ValidationError("--reason is empty") }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            if all {
                try conclude(try await supervisor.redrive(.all))
            } else if let reason {
                try conclude(try await supervisor.redrive(.reason(reason)), mustFind: "the reason \(reason)")
            } else if id.isEmpty {
                let list = try await supervisor.deadLetters()
                if json { return try CommandOutput.write(json: list) }
                CommandOutput.write(lines: DeadLetterText.lines(list))
            } else {
                try await redrive(supervisor)
            }
        }
    }

    private func redrive(_ supervisor: RunningSupervisor) async throws {
        var jobs: [JobArgument] = []
        for text in id { jobs.append(try JobArgument(text, kind: kind)) }
        // Which kinds have an id without one.
        let isKindMissing = jobs.contains { $0.kind == nil }
        let letters = isKindMissing ? try await supervisor.deadLetters().letters : []
        var (total, errors) = (DeadLetters.Redriven(), [Refusal]())
        for job in jobs {
            let kinds =
                job.kind.map { [$0] }
                ?? MediaKind.allCases.filter { kind in
                    letters.contains { $0.kind == kind && $0.id == job.id }
                }
            guard kinds.count <= 1 else {
                errors.append(
                    Refusal(
                        job: job.id.string,
                        error: "jobs of both kinds have this id; say which: video/ID or image/ID"
                    )
                )
                continue
            }
            let key = kinds.first.map { JobKey(kind: $0, id: job.id) }
            let result = try await supervisor.redrive(key.map { .job($0) } ?? .id(job.id))
            total.jobs += result.jobs
            total.unreadable += result.unreadable
            total.unseen = max(total.unseen, result.unseen)
            if result.jobs.isEmpty {
                let cause = result.unreadable > 0 ? "its message is no job and stays" : "no dead letter has this id"
                errors.append(Refusal(job: key.map { "\($0)" } ?? job.id.string, error: cause))
            }
        }
        // What was found needs no further look.
        if errors.isEmpty { total.unseen = 0 }
        try conclude(total, errors: errors)
    }

    /// - Parameter mustFind: what nothing being found is an error of.
    private func conclude(
        _ result: DeadLetters.Redriven,
        errors: [Refusal] = [],
        mustFind: String? = nil
    ) throws {
        for refusal in errors {
            StandardStreams.writeError("Error: \(OrphanText.plain(refusal.job)): \(refusal.error)")
        }
        if json {
            try CommandOutput.write(
                json: Document(
                    jobs: result.jobs,
                    unreadable: result.unreadable,
                    unseen: result.unseen,
                    errors: errors
                )
            )
        } else {
            var lines = result.jobs.map { "\(OrphanText.plain($0)): runs again" }
            if lines.isEmpty, errors.isEmpty { lines.append("no job was sent back") }
            if result.unreadable > 0, errors.isEmpty {
                lines.append("\(result.unreadable) messages are no jobs and stay")
            }
            if result.unseen > 0 { lines.append("\(result.unseen) messages were not looked at; redrive again") }
            CommandOutput.write(lines: lines)
        }
        if let mustFind, result.jobs.isEmpty, result.unreadable == 0 {
            throw CommandFailure.report(
                "no dead letter has \(OrphanText.plain(mustFind)); `supervisor redrive` lists them",
                .failed
            )
        }
        let failed = errors.count + (errors.isEmpty ? result.unreadable : 0) + result.unseen
        let exit = CommandExit.of(done: result.jobs.count, failed: failed)
        if exit != .ok { throw exit.code }
    }
}
