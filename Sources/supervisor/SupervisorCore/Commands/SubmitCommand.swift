internal import AMQP
internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import ServiceKit

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit videos and images, and optionally wait for their outputs.",
        discussion: """
            A SOURCE is a local file, a URL (https:, http:, s3:, file:), or key:KEY for an object of the configured \
            store.
            The running supervisor is found through STATE_DIR; without one, RABBITMQ_URL names the broker and PORT the \
            supervisor's HTTP port.

            Exit status: 0 all jobs completed (without --wait: were accepted by the broker), 1 a job failed, 2 wrong \
            usage or an unreadable source, 3 the broker or the supervisor cannot be reached.
            """
    )

    @Argument(help: "Files, URLs or object keys.")
    var source: [String]

    @Option(help: "video or image; told from the file itself when it is left out.")
    var kind: MediaKind?

    @Option(help: "Names the outputs. The file's name and a part of the job's id when it is left out.")
    var mediaID: String?

    @Option(help: "Passed through to the updates.")
    var userID: String?

    @Flag(help: "Wait for the jobs' ends and show the outputs.")
    var wait = false

    @Flag(help: "Print one JSON document, and nothing else, on standard output.")
    var json = false

    func validate() throws {
        if mediaID != nil, source.count > 1 {
            throw ValidationError(
                "--media-id would give \(source.count) sources the same outputs; submit them one by one"
            )
        }
    }

    func run() async throws {
        let settings = try CommandFailure.settings()
        signal(SIGPIPE, SIG_IGN)
        let submissions = try makeSubmissions()
        guard let brokerURL = RunFile.read(stateDirectory: settings.stateDirectory)?.brokerURL ?? settings.brokerURL
        else {
            throw CommandFailure.report(
                "no media processor runs from \(settings.stateDirectory), and RABBITMQ_URL is not set; "
                    + "start one with `supervisor run`",
                CommandFailure.notReachable
            )
        }
        let supervisor = RunningSupervisor(settings: settings)
        do {
            let before = wait ? TempFileSample(try await supervisor.health()) : TempFileSample()
            try await JobPublisher(brokerURL: brokerURL, queues: settings.queueNames).publish(submissions)
            if !json, !wait { announce(submissions) }
            let result = wait ? try await follow(submissions, supervisor, before) : nil
            if json { try print(SubmitReport(submissions, result)) }
            if let result { try conclude(result) }
        } catch let failure as LoopbackHTTP.Failure {
            throw CommandFailure.report("\(failure); is `supervisor run` up?", CommandFailure.notReachable)
        } catch let error as AMQPError {
            throw CommandFailure.report(
                "the broker did not take the job: \(error.message)",
                CommandFailure.notReachable
            )
        }
    }

    private func makeSubmissions() throws -> [Submission] {
        let options = Submission.Options(kind: kind, mediaID: mediaID, userID: userID)
        do throws(UsageProblem) {
            var submissions: [Submission] = []
            for text in source {
                submissions.append(
                    try Submission(text, options: options, workingDirectory: Paths.workingDirectory)
                )
            }
            return submissions
        } catch {
            throw CommandFailure.report(error.message, CommandFailure.usage)
        }
    }

    private func announce(_ submissions: [Submission]) {
        for submission in submissions {
            StandardStreams.write("\(submission.ticket.key)  \(submission.source)\n")
        }
    }

    private func follow(
        _ submissions: [Submission],
        _ supervisor: RunningSupervisor,
        _ before: TempFileSample
    ) async throws -> JobFollower.Result {
        let style: ProgressDisplay.Style = json ? .nothing : Terminal.isTerminal ? .bars : .lines
        let result = try await JobFollower(supervisor: supervisor)
            .follow(submissions, before: before, display: ProgressDisplay(style: style))
        if json { return result }
        let outputs = OutputTable.table(result.jobs, workingDirectory: Paths.workingDirectory)
        var lines = [""]
        if !outputs.rows.isEmpty { lines += outputs.lines + [""] }
        lines += result.tempFiles.table.lines
        StandardStreams.write(lines.joined(separator: "\n") + "\n")
        return result
    }

    private func print(_ report: SubmitReport) throws {
        let text = String(decoding: try JSONText.encode(report, isPretty: true), as: UTF8.self)
        StandardStreams.write(text + "\n")
    }

    private func conclude(_ result: JobFollower.Result) throws {
        let failed = result.jobs.filter { $0.outcome != .completed }
        for job in failed {
            let cause =
                job.error.map { "in the \($0.stage) stage (\($0.code)): \($0.message)" } ?? "without a reason on record"
            StandardStreams.writeError(
                "Error: \(job.kind.rawValue)/\(job.id) \(job.outcome?.rawValue ?? "ended") \(cause)"
            )
        }
        if !failed.isEmpty { throw CommandFailure.jobFailed }
    }
}
