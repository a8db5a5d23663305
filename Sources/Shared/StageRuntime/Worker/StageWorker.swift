internal import AMQP
internal import ArgumentParser
internal import Claims
internal import Glibc
package import JobModel
internal import JobStore
internal import Logging
internal import Logs
internal import Queues
internal import Settings
internal import Spill
internal import TempFiles
internal import UnixSignals
internal import WorkerProtocol

/// The whole life of a stage executable.
package enum StageWorker {
    /// Runs until the process is asked to stop, then exits: 0 after a drain, 64 for a wrong command line, 78 for a
    /// wrong configuration, 70 when the worker cannot start.
    ///
    /// - Parameter makeHandler: called once, before the first job.
    package static func main(
        _ stage: Stage,
        makeHandler: @escaping @Sendable (StageServices) async throws -> any StageHandler
    ) async -> Never {
        let options = WorkerOptions.parseOrExit()
        let name = options.name ?? "\(PoolName(stage: stage, kind: options.kind)).\(getpid())"
        let settings: Settings
        do {
            settings = try Settings.fromEnvironment()
        } catch {
            complain("\(name): \(error)")
            exit(78)
        }
        ParentWatch.rememberParent()
        if options.lifelineFd != nil { ParentWatch.requestDeathSignal() }
        // A broker or a log reader that goes away answers with an error, not with a signal.
        signal(SIGPIPE, SIG_IGN)
        let (writer, problem) = LogWriter.open(settings, output: options.logFd)
        writer.bootstrap()
        let reopening = await writer.reopenOnSignal()
        defer { reopening.cancel() }
        let logger = Logger(label: name)
        if let problem { logger.warning("\(problem)") }
        do {
            try await serve(stage, options, name, settings, logger, makeHandler)
            logger.debug("the worker stopped")
            exit(0)
        } catch {
            logger.critical("the worker cannot start", metadata: [LogKey.cause: "\(error)"])
            exit(70)
        }
    }

    private static func serve(
        _ stage: Stage,
        _ options: WorkerOptions,
        _ name: String,
        _ settings: Settings,
        _ logger: Logger,
        _ makeHandler: @Sendable (StageServices) async throws -> any StageHandler
    ) async throws {
        // Before anything can wait, so that an early request to stop is not lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        guard let brokerURL = settings.brokerURL else {
            throw StageFailure(
                .permanent,
                code: "no_broker",
                "RABBITMQ_URL is not set; start the tree with `supervisor run`, which sets it"
            )
        }
        let tracker = try TempFileTracker.open(
            temporaryDirectory: settings.temporaryDirectory,
            spillStore: settings.spillURL,
            fileLevel: settings.fileLogLevel,
            logger: logger
        )
        let services = StageServices(kind: options.kind, settings: settings, tracker: tracker, logger: logger)
        let handler = try await makeHandler(services)
        var connection = AMQPConfiguration()
        // Whatever the broker delivers can be put among the dead letters, bytes unchanged. A worker has one message of
        // a queue at a time.
        connection.maximumBodyBytes = AMQPConfiguration.brokerBodyBytes
        connection.backoff.maximum = .seconds(settings.reconnectMaximumSeconds)
        let endpoints = try AMQPEndpoints(parsing: brokerURL)
        let client = AMQPClient(
            endpoints: endpoints,
            connectionName: name,
            configuration: connection,
            logger: logger
        )
        let claims = Topology(layout: settings.queueLayout, kind: options.kind).shared(stage).flatMap { _ in
            ClaimsLog(
                options.kind,
                layout: settings.queueLayout,
                client: client,
                endpoints: endpoints,
                tracker: tracker,
                logger: logger
            )
        }
        let place = Workplace(
            stage,
            options.kind,
            settings: settings,
            transport: client,
            books: tracker.jobs,
            files: tracker,
            tracker: tracker,
            spill: SpillStores(settings),
            claims: claims,
            status: StatusChannel(stage: stage, descriptor: options.statusFd),
            worker: WorkerLife(name: name, processID: getpid()),
            clock: SystemClock(),
            process: .current,
            logger: logger
        )
        let runner = try JobRunner(place: place, handler: handler)
        let loop = WorkerLoop(runner: runner, claims: claims, logger: logger)
        try await loop.run(
            stop: StopRequest.sequence(signals: signals, lifeline: options.lifelineFd),
            drainTime: .seconds(settings.drainSeconds)
        )
    }

    private static func complain(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
