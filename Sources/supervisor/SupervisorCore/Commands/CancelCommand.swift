internal import ArgumentParser
internal import Glibc
internal import JobModel

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancel jobs, wherever they are.",
        discussion: """
            A job that a stage works on is stopped there, one that waits ends at once. Its temp files are removed, then \
            clients hear a `cancelled` update. A job whose end has begun cannot be cancelled. One that no stage has seen \
            yet has to be named with its kind.

            Examples:
              supervisor cancel video/job-1
              supervisor cancel job-1 job-2 --wait

            JSON: {"jobs": [{"id", "kind"?, "requested", "known"?, "outcome"?, "error"?}]}; `known` is whether a stage has \
            seen the job, `outcome` is there with --wait.

            \(CommandExit.text([
                .ok: "all are to be cancelled (with --wait: have ended as cancelled)", .failed: "none", .partial: "some",
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

    @Flag(help: "Print one JSON document, and nothing else, on standard output.")
    var json = false

    /// What became of one wish.
    struct Result: Codable, Equatable {
        var id: ByteText
        /// Absent when it was not said and could not be found out.
        var kind: MediaKind?
        /// Whether the job is to be cancelled.
        var requested: Bool
        /// Whether a stage has seen it; if none has, it is cancelled when its message comes.
        var known: Bool?
        /// How it ended; only with `--wait`.
        var outcome: JobOutcome?
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
            for job in jobs { results.append(try await cancel(job, supervisor)) }
            if wait { try await follow(&results, supervisor) }
            if json { try CommandOutput.write(json: Document(jobs: results)) }
            let failed = results.count { $0.error != nil }
            let exit = CommandExit.of(done: results.count - failed, failed: failed)
            if exit != .ok { throw exit.code }
        }
    }

    private func cancel(_ job: JobArgument, _ supervisor: RunningSupervisor) async throws -> Result {
        do {
            let report = try await supervisor.cancel(job)
            let name = OrphanText.plain("\(JobKey(kind: report.kind, id: report.id))")
            if !json {
                CommandOutput.write(
                    report.known
                        ? "\(name): to be cancelled\n"
                        : "\(name): no stage has seen it yet; it is cancelled when its message comes\n"
                )
            }
            return Result(id: report.id, kind: report.kind, requested: true, known: report.known)
        } catch let problem as Problem where [404, 409].contains(problem.status) {
            let words = CommandFailure.words(problem)
            StandardStreams.writeError("Error: \(job.text): \(words)")
            return Result(id: job.id, kind: job.kind, requested: false, error: words)
        }
    }

    private func follow(_ results: inout [Result], _ supervisor: RunningSupervisor) async throws {
        for index in results.indices where results[index].requested && results[index].known == true {
            guard let kind = results[index].kind else { continue }
            let job = try JobArgument(results[index].id.string, kind: kind)
            let end = try await JobWatch(supervisor: supervisor, style: .nothing).end(of: job)
            results[index].outcome = end.job.outcome
            if end.job.outcome != .cancelled {
                let words = "it ended before: \(end.job.outcome?.rawValue ?? "without an outcome")"
                StandardStreams.writeError("Error: \(job.text): \(words)")
                results[index].error = words
            } else if !json {
                CommandOutput.write("\(job.text): cancelled\n")
            }
        }
    }
}
