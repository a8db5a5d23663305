internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import Queues

struct RedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "List dead letters, run them again or delete them.",
        discussion: """
            Alone it lists the messages in the dead-letter queues with their reasons, and changes nothing. Jobs that \
            are chosen by ID, by reason or all of them are sent back to download for a new run with all attempts. \
            Messages that are no jobs stay where they are, and --all is done when all jobs were sent.

            With --discard the chosen letters are deleted for good; their jobs have ended, and cannot be sent back any \
            more. The id of a message that is no job is what its sender wrote, so such messages are chosen by \
            --reason, --not-jobs or --all.

            Examples:
              supervisor redrive
              supervisor redrive video/job-1
              supervisor redrive --reason worker_died
              supervisor redrive --discard --not-jobs

            JSON: {"letters": […], "total"}, the answer of GET /dead; when jobs are chosen {"jobs": ["kind/id"], \
            "unreadable", "tooLong"?, "unseen", "errors": [{"job", "error"}]}, where `unreadable` counts chosen \
            messages that are no jobs, `tooLong` jobs that have become too long, `unseen` those that were not looked \
            at; with --discard {"jobs", "notJobs", "unseen", "errors"}, where `notJobs` counts deleted messages that \
            were no jobs.

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

    @Flag(help: .json)
    var json = false

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
                try await redriveJobs(supervisor)
            }
        }
    }

    /// The jobs that the IDs of the command line mean, and refusals of IDs that mean two.
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

    /// Gives an order for each chosen job.
    ///
    /// - Parameter causeOfNothing: why nothing was done about the job.
    /// - Returns: all results together, and the jobs about which nothing was done.
    func orderEach<Result: DeadLetterResult>(
        _ supervisor: RunningSupervisor,
        _ order: (DeadLetters.Selection) async throws -> Result,
        causeOfNothing: (Result) -> String
    ) async throws -> (total: Result, errors: [Refusal]) {
        let (jobs, refusals) = try await chosen(supervisor)
        var (total, errors) = (Result(), refusals)
        for job in jobs {
            let result = try await order(job.selection)
            total.add(result)
            if result.jobs.isEmpty { errors.append(Refusal(job: job.name, error: causeOfNothing(result))) }
        }
        // A job that was found needs no further look.
        if errors.isEmpty { total.unseen = 0 }
        return (total, errors)
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

/// The result of one order for dead letters.
protocol DeadLetterResult {
    var jobs: [String] { get }
    var unseen: Int { get set }

    init()
    /// Adds the result of another order, which went through the same queues.
    mutating func add(_ other: Self)
}
