internal import AMQP
internal import ArgumentParser
internal import Glibc
internal import JobModel
internal import Queues
internal import Settings
internal import Storage
internal import Synchronization

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit videos and images, and wait if wished.",
        discussion: """
            A SOURCE is a local file, a file: URL, an https: URL (http: where ALLOW_HTTP is set), key:KEY for an \
            object of the configured store, or an s3: URL of its bucket or one of S3_SOURCE_BUCKETS. Files have to lie \
            in the FILE_SOURCE_ROOTS of the tree. A tree that runs here says before anything is submitted whether its \
            settings allow the sources and the places for outputs.
            The running supervisor is found through STATE_DIR; without one, RABBITMQ_URL names the broker and PORT the \
            supervisor's HTTP port.
            The jobs' ids are printed once the broker has them. Ctrl-C ends the waiting of --wait and no job.

            Examples:
              supervisor submit clip.mov photo.heic --wait
              supervisor submit key:uploads/clip.mov --kind video --media-id m-1
              supervisor submit clip.mov --destination s3://media/customers/eve --upload-url '720p=https://…'

            JSON: {"jobs": [{"id", "kind", "mediaId", "source", "result"?}], "tempFiles"?: {"before", "peak", \
            "after"}}; a result is a job as in `jobs`, and with the temp files only there with --wait.

            \(CommandExit.text([
                .ok: "the broker has all jobs (with --wait: all completed)",
                .failed: "with --wait: a job did not complete",
                .usage: "a source is unreadable or of a scheme that is not read, or a place for outputs is none",
                .refused: "the tree's settings do not allow a source or a place for outputs",
                .interrupted: "Ctrl-C while it waited; the jobs go on",
            ]))
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

    @Option(
        help: ArgumentHelp(
            "A URL prefix for the outputs, instead of the store: one of DESTINATION_PREFIXES, or beneath one.",
            valueName: "url"
        )
    )
    var destination: String?

    @Option(
        name: .customLong("upload-url"),
        help: ArgumentHelp(
            "A URL that is signed for a PUT of the output with this name: its quality, thumbnail_ and a number from 0, "
                + "or its key. May be given again for others. Users of this machine see it in the list of processes.",
            valueName: "name=url"
        )
    )
    var uploadURLs: [String] = []

    @Flag(help: "Wait for the jobs' ends and show the outputs.")
    var wait = false

    @Flag(help: .json)
    var json = false

    /// The keys of settings that name the queues and say how they are declared.
    private static let neededKeys: Set = [
        "QUEUE_PREFIX", "QUEUE_TYPE", "QUEUE_DELIVERY_LIMIT", "QUEUE_MAX_PRIORITY", "NODE_ID",
    ]

    func validate() throws {
        if mediaID != nil, source.count > 1 {
            throw ValidationError(
                "--media-id would give \(source.count) sources the same outputs; submit them one by one"
            )
        }
        if !uploadURLs.isEmpty, source.count > 1 {
            throw ValidationError(
                "--upload-url would put the outputs of \(source.count) sources to one place; submit them one by one"
            )
        }
    }

    func run() async throws {
        let settings = try CommandFailure.settingsOfRunningTree(needing: Self.neededKeys)
        signal(SIGPIPE, SIG_IGN)
        let submissions = try makeSubmissions(settings)
        let running = RunFile.read(stateDirectory: settings.stateDirectory)
        guard let brokerURL = running?.brokerURL ?? settings.brokerURL else {
            throw CommandFailure.report(await SupervisorPlace.find(settings).explainAbsence(), .unavailable)
        }
        try await CommandFailure.reaching(settings) { supervisor in
            // Another tree of this broker may have other settings.
            if running != nil {
                try await checkFiles(submissions, supervisor)
                try await check(submissions, supervisor)
            }
            try await submit(submissions, brokerURL, settings, supervisor)
        }
    }

    private func submit(
        _ submissions: [Submission],
        _ brokerURL: String,
        _ settings: Settings,
        _ supervisor: RunningSupervisor
    ) async throws {
        do {
            let before = wait ? TempFileSample(try await supervisor.health()) : TempFileSample()
            try await JobPublisher(brokerURL: brokerURL, queues: settings.queueLayout).publish(submissions)
            if !json { announce(submissions) }
            let result = wait ? try await follow(submissions, supervisor, before) : nil
            if json { try CommandOutput.write(json: SubmitReport(submissions, result)) }
            if let result { try conclude(result) }
        } catch let error as AMQPError {
            throw CommandFailure.report("the broker did not take the job: \(error.message)", .unavailable)
        }
    }

    private func makeSubmissions(_ settings: Settings) throws -> [Submission] {
        do throws(UsageProblem) {
            var options = Submission.Options(kind: kind, mediaID: mediaID, userID: userID, destination: destination)
            options.uploadURLs = try Submission.uploadURLs(uploadURLs)
            options.keysArePaths = Stores.keysArePaths(destination ?? settings.storageURL)
            do throws(StorageError) {
                if let destination { try Destinations.check(form: destination) }
                for entry in options.uploadURLs {
                    try SignedUpload(entry.url, name: entry.name.string, settings.storage).checkForm()
                }
            } catch {
                throw UsageProblem(message: error.message)
            }
            var submissions: [Submission] = []
            for text in source {
                let submission = try Submission(text, options: options, workingDirectory: Paths.workingDirectory)
                do throws(StorageError) {
                    if let source = submission.ticket.source { try Sources.check(source) }
                } catch {
                    throw UsageProblem(message: error.message)
                }
                // What makes no key at all was refused above.
                if options.keysArePaths, let problem = try? settings.directoryProblem(of: submission.ticket) {
                    throw UsageProblem(message: "the media id cannot be used in a directory: \(problem)")
                }
                submissions.append(submission)
            }
            return submissions
        } catch {
            throw CommandFailure.report(error.message, .usage)
        }
    }

    /// Checks that the tree may read the files of `file:` sources, as far as the tree tells its directories.
    private func checkFiles(_ submissions: [Submission], _ supervisor: RunningSupervisor) async throws {
        let sources = submissions.compactMap(\.ticket.source).filter(NewJob.isFile)
        // With several hosts, another one may have the directory.
        guard !sources.isEmpty, let info = try? await supervisor.info(), info.configuration["NODE_ID"] == nil,
            let roots = info.fileSourceRoots
        else { return }
        for source in sources where LocalFileSource.schemes.contains(SourceURL.scheme(source) ?? "") {
            do throws(StorageError) {
                try await LocalFileSource(url: source, roots: roots).checkAllowed()
            } catch {
                throw CommandFailure.report(error.message, error.code == .notAllowed ? .refused : .usage)
            }
        }
    }

    /// Has the tree look at the jobs: it has the settings that count, and these may be others.
    private func check(_ submissions: [Submission], _ supervisor: RunningSupervisor) async throws {
        for submission in submissions {
            let problem: Problem?
            do { problem = try await supervisor.refusal(of: submission.message) } catch is SupervisorHTTP.Failure {
                // It is busy. The broker is not.
                return
            }
            guard let problem else { continue }
            let isForbidden = problem.code.map { Self.forbidden.contains(.init(rawValue: $0)) } ?? false
            throw CommandFailure.report(CommandFailure.words(problem), isForbidden ? .refused : .usage)
        }
    }

    /// Codes of what other settings would allow.
    private static let forbidden: Set<StorageError.Code> = [
        .notAllowed, .destinationNotAllowed, .unsupportedScheme, .uploadNotAllowed,
    ]

    private func announce(_ submissions: [Submission]) {
        for submission in submissions {
            CommandOutput.write("\(submission.ticket.key)  \(submission.source.shown)\n")
        }
    }

    private func follow(
        _ submissions: [Submission],
        _ supervisor: RunningSupervisor,
        _ before: TempFileSample
    ) async throws -> JobFollower.Result {
        let style: ProgressDisplay.Style = json ? .nothing : Terminal.canRedraw ? .bars : .lines
        let waiting = Mutex(submissions.map(\.ticket.key))
        let follower = JobFollower(
            supervisor: supervisor,
            didEnd: { ended in waiting.withLock { $0.removeAll { $0 == ended } } }
        )
        let result = try await Interruption.told(Self.farewell(waiting.withLock { $0 })) {
            try await follower.follow(submissions, before: before, display: ProgressDisplay(style: style))
        }
        if json { return result }
        let outputs = OutputTable.table(result.jobs, workingDirectory: Paths.workingDirectory)
        var lines = [""]
        if !outputs.rows.isEmpty { lines += outputs.lines + [""] }
        lines += result.tempFiles.table.lines
        CommandOutput.write(lines: lines)
        return result
    }

    /// The text for a person who interrupts the waiting.
    private static func farewell(_ jobs: [JobKey]) -> String {
        let names = jobs.map { "\($0)".shown }.joined(separator: " ")
        guard let first = jobs.first else { return "\nThe jobs have ended." }
        return """

            \(jobs.count == 1 ? "The job goes on" : "The jobs go on"): \(names)
            To wait again: supervisor jobs \("\(first)".shown) --watch
            To cancel: supervisor cancel \(names)
            """
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
        if !failed.isEmpty { throw CommandExit.failed.code }
    }
}
