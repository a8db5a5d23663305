internal import ArgumentParser
internal import Glibc
internal import JobModel

struct RedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "List dead letters, run them again or delete them.",
        discussion: """
            Alone it lists the messages in the dead-letter queues with their reasons, and changes nothing. Jobs that are \
            chosen by ID, by reason or all of them are sent back to download for a new run with all attempts. Messages \
            that are no jobs stay where they are, and --all is done when all jobs were sent.

            With --discard the chosen letters are deleted for good; their jobs have ended, and cannot be sent back any \
            more. The id of a message that is no job is what its sender wrote, so such messages are chosen by \
            --reason, --not-jobs or --all.

            Examples:
              supervisor redrive
              supervisor redrive video/job-1
              supervisor redrive --reason worker_died
              supervisor redrive --discard --not-jobs

            JSON: {"letters": […], "total"}, the answer of GET /dead; when jobs are chosen {"jobs": ["kind/id"], \
            "unreadable", "tooLong"?, "unseen", "errors": [{"job", "error"}]}, where `unreadable` counts chosen messages that \
            are no jobs, `tooLong` jobs that have become too long, `unseen` those that were not looked at; with --discard \
            {"jobs", "notJobs", "unseen", "errors"}, where `notJobs` counts deleted messages that were no jobs.

            \(CommandExit.text([
                .ok: "listed, or all that was chosen runs again or is deleted",
                .failed: "nothing that was chosen could be sent back or deleted", .partial: "some of it",
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

    @Flag(name: .customLong("discard"), help: "Delete the chosen letters instead.")
    var isDiscard = false

    @Flag(help: "All messages that are no jobs; with --discard.")
    var notJobs = false

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
        /// Chosen jobs that have become too long; they stay.
        var tooLong: Int?
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
        let choices = [!id.isEmpty, all, reason != nil, notJobs].count { $0 }
        if choices > 1 { throw ValidationError("give IDs, --reason, --not-jobs or --all, not several of them") }
        if isDiscard, choices == 0 {
            throw ValidationError("--discard deletes what is chosen: give IDs, --reason, --not-jobs or --all")
        }
        if notJobs, !isDiscard { throw ValidationError("--not-jobs is for --discard: what is no job cannot run again") }
        if kind != nil, id.isEmpty { throw ValidationError("--kind says of which kind the IDs are, and there is none") }
        if reason?.isEmpty == true { throw ValidationError("--reason is empty") }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            if isDiscard { return try await discard(supervisor) }
            if all {
                try conclude(try await supervisor.redrive(.all), staysAreFailures: false)
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
        let (jobs, refusals) = try await chosen(supervisor)
        var errors = refusals
        var total = DeadLetters.Redriven()
        for job in jobs {
            let result = try await supervisor.redrive(job.selection)
            total.jobs += result.jobs
            total.unreadable += result.unreadable
            total.tooLong = result.tooLong.map { $0 + (total.tooLong ?? 0) } ?? total.tooLong
            total.unseen = max(total.unseen, result.unseen)
            if result.jobs.isEmpty {
                let cause =
                    result.tooLong != nil
                    ? "its message has become too long and stays"
                    : result.unreadable > 0 ? "its message is no job and stays" : "no dead letter has this id"
                errors.append(Refusal(job: job.name, error: cause))
            }
        }
        // What was found needs no further look.
        if errors.isEmpty { total.unseen = 0 }
        try conclude(total, errors: errors)
    }

    /// What the IDs of the command line mean, and those that mean two jobs.
    func chosen(
        _ supervisor: RunningSupervisor
    ) async throws -> (jobs: [(selection: DeadLetters.Selection, name: String)], errors: [Refusal]) {
        let jobs = try id.map { try JobArgument($0, kind: kind) }
        // Which kinds have an id without one.
        let isKindMissing = jobs.contains { $0.kind == nil }
        let letters = isKindMissing ? try await supervisor.deadLetters().letters : []
        var chosen: [(selection: DeadLetters.Selection, name: String)] = []
        var errors: [Refusal] = []
        for job in jobs {
            let kinds =
                job.kind.map { [$0] }
                ?? MediaKind.allCases.filter { kind in
                    letters.contains { $0.kind == kind && $0.id == job.id }
                }
            guard kinds.count <= 1 else {
                let error = "jobs of both kinds have this id; say which: video/ID or image/ID"
                errors.append(Refusal(job: job.id.string, error: error))
                continue
            }
            let key = kinds.first.map { JobKey(kind: $0, id: job.id) }
            chosen.append((key.map { .job($0) } ?? .id(job.id), key.map { "\($0)" } ?? job.id.string))
        }
        return (chosen, errors)
    }

    /// - Parameters:
    ///   - staysAreFailures: whether messages that are no jobs were meant as well.
    ///   - mustFind: what nothing being found is an error of.
    private func conclude(
        _ result: DeadLetters.Redriven,
        errors: [Refusal] = [],
        staysAreFailures: Bool = true,
        mustFind: String? = nil
    ) throws {
        tell(errors)
        if json {
            try CommandOutput.write(
                json: Document(
                    jobs: result.jobs,
                    unreadable: result.unreadable,
                    tooLong: result.tooLong,
                    unseen: result.unseen,
                    errors: errors
                )
            )
        } else {
            var lines = result.jobs.map { "\(OrphanText.plain($0)): runs again" }
            if lines.isEmpty, errors.isEmpty { lines.append("no job was sent back") }
            if errors.isEmpty {
                if result.unreadable > 0 {
                    lines.append(
                        "\(Self.messages(result.unreadable, "is no job and stays", "are no jobs and stay")); `supervisor redrive` lists them, --discard deletes them"
                    )
                }
                if let tooLong = result.tooLong {
                    lines.append(
                        Self.messages(tooLong, "has become too long and stays", "have become too long and stay")
                    )
                }
            }
            if result.unseen > 0 { lines.append("\(Self.notSeen(result.unseen)); redrive again") }
            CommandOutput.write(lines: lines)
        }
        if let mustFind, result.jobs.isEmpty, result.unreadable == 0, result.tooLong == nil {
            throw Self.nothing(mustFind)
        }
        let stays = errors.isEmpty ? (staysAreFailures ? result.unreadable : 0) + (result.tooLong ?? 0) : 0
        try Self.end(done: result.jobs.count, failed: errors.count + stays + result.unseen)
    }

    func tell(_ errors: [Refusal]) {
        for refusal in errors {
            StandardStreams.writeError("Error: \(OrphanText.plain(refusal.job)): \(refusal.error)")
        }
    }

    static func nothing(_ mustFind: String) -> ExitCode {
        CommandFailure.report(
            "no dead letter has \(OrphanText.plain(mustFind)); `supervisor redrive` lists them",
            .failed
        )
    }

    static func end(done: Int, failed: Int) throws {
        let exit = CommandExit.of(done: done, failed: failed)
        if exit != .ok { throw exit.code }
    }

    static func messages(_ count: Int, _ one: String, _ several: String) -> String {
        count == 1 ? "1 message \(one)" : "\(count) messages \(several)"
    }

    static func notSeen(_ count: Int) -> String { messages(count, "was not looked at", "were not looked at") }
}
