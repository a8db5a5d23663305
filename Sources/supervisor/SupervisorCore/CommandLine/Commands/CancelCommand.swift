internal import ArgumentParser
internal import Glibc
internal import JobModel

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs, wherever they are.",
        discussion: """
            A job that a stage works on is stopped there, one that waits ends at once. Its temp files are removed, \
            then clients hear a `cancelled` update. A job whose end has begun cannot be cancelled. One that no stage \
            has seen yet has to be named with its kind. If there is none, the wish stays for JOB_RETENTION_HOURS, \
            should its message come.

            Examples:
              supervisor cancel video/job-1
              supervisor cancel job-1 job-2 --wait

            JSON: {"jobs": [{"id", "kind"?, "status", "outcome"?, "requested", "known"?, "error"?}]}. A status is \
            `cancelling` (it is to end so), `cancelled`, `completed` or `failed` (it has ended so), `ending` (its end \
            has begun), `waiting` (it is cancelled when its message is delivered, or by another host), `unknown` \
            (there is no such job) or `ambiguous` (both kinds have the id). `outcome` is how the job ended, when it \
            has; `requested` is whether the wish was noted, `known` whether a stage has seen the job.

            \(CommandExit.text([
                .ok: "all are to be cancelled (with --wait: all that a stage has seen have ended as cancelled)",
                .failed: "none: there is no such job, or its end has begun", .partial: "some",
            ]))
            """
    )

    @Argument(
        help: "video/ID, image/ID, or an ID that only one kind has.",
        completion: .custom { _, _, _ in await JobCompletion.names("active") }
    )
    var id: [String]

    @Option(help: "The kind of every ID.")
    var kind: MediaKind?

    @Flag(help: "Wait until the jobs have ended.")
    var wait = false

    @Flag(help: .json)
    var json = false

    /// The result of one wish.
    struct Result: Codable, Equatable {
        enum Status: String, Codable {
            case cancelling
            case cancelled
            case completed
            case failed
            case ending
            case waiting
            case unknown
            case ambiguous
        }

        var id: ByteText
        /// Absent when it was neither given nor found out.
        var kind: MediaKind?
        var status: Status
        /// The job's outcome, when it has ended.
        var outcome: JobOutcome?
        /// Whether the request was noted.
        var requested: Bool
        /// Whether a stage has seen the job.
        var known: Bool?
        /// Why the job was not cancelled.
        var error: String?
    }

    struct Document: Codable, Equatable {
        var jobs: [Result]
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree()
        signal(SIGPIPE, SIG_IGN)
        try await CommandFailure.reaching(settings) { supervisor in
            // All are read before the first is cancelled.
            var jobs: [JobArgument] = []
            for text in id { jobs.append(try JobArgument(text, kind: kind)) }
            var results: [Result] = []
            for job in jobs {
                let result = try await cancel(job, supervisor)
                if !isWaitedFor(result) || result.status == .cancelling { tell(result) }
                results.append(result)
            }
            try await follow(&results, supervisor)
            if json { try CommandOutput.write(json: Document(jobs: results)) }
            let failed = results.count { $0.error != nil }
            let exit = CommandExit.of(done: results.count - failed, failed: failed)
            if exit != .ok { throw exit.code }
        }
    }

    /// Whether its end is to come, and the user waits for it.
    private func isWaitedFor(_ result: Result) -> Bool {
        wait && result.kind != nil && (result.status == .cancelling || result.status == .ending)
    }

    private func cancel(_ job: JobArgument, _ supervisor: RunningSupervisor) async throws -> Result {
        do {
            let report = try await supervisor.cancel(job)
            let status: Result.Status = report.known ? .cancelling : report.absent == true ? .unknown : .waiting
            var result = Result(id: report.id, kind: report.kind, status: status, requested: true, known: report.known)
            if status == .unknown { result.error = report.detail ?? "no such job is known" }
            return result
        } catch let problem as Problem where [404, 409].contains(problem.status) {
            var result = Result(id: job.id, kind: job.kind, status: .unknown, requested: false)
            result.error = CommandFailure.words(problem)
            if problem.title == Problem.ambiguousJob {
                result.status = .ambiguous
            } else if problem.status == 409 {
                result.known = true
                let view = try await supervisor.detail(job).job
                result.kind = view.kind
                result.end(as: view.isOver ? view.outcome : nil)
            }
            return result
        }
    }

    /// Waits for the jobs side by side, and tells of each when it has ended.
    private func follow(_ results: inout [Result], _ supervisor: RunningSupervisor) async throws {
        try await withThrowingTaskGroup(of: (index: Int, outcome: JobOutcome?).self) { group in
            for (index, result) in results.enumerated() where isWaitedFor(result) {
                let job = try JobArgument(result.id.string, kind: result.kind)
                group.addTask {
                    (index, try await JobWatch(supervisor: supervisor, style: .nothing).end(of: job).job.outcome)
                }
            }
            for try await (index, outcome) in group {
                results[index].end(as: outcome)
                results[index].error =
                    outcome == .cancelled ? nil : "it ended before: \(outcome?.rawValue ?? "without an outcome")"
                tell(results[index])
            }
        }
    }

    private func tell(_ result: Result) {
        let name = OrphanText.plain(result.kind.map { "\(JobKey(kind: $0, id: result.id))" } ?? result.id.string)
        if let error = result.error { return StandardStreams.writeError("Error: \(name): \(error)") }
        if json { return }
        let words =
            switch result.status {
            case .cancelling: "to be cancelled"
            case .waiting: "no stage has seen it yet; it is cancelled when its message comes"
            default: result.status.rawValue
            }
        CommandOutput.write("\(name): \(words)\n")
    }
}

extension CancelCommand.Result {
    /// - Parameter outcome: nil when the end has only begun.
    fileprivate mutating func end(as outcome: JobOutcome?) {
        self.outcome = outcome
        status =
            switch outcome {
            case .cancelled: .cancelled
            case .completed: .completed
            case .failed: .failed
            case nil: .ending
            }
    }
}
