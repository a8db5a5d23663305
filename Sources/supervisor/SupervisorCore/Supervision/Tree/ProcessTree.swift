internal import AMQP
internal import Glibc
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// The whole tree: started in order, watched, and taken down in order.
///
/// The start, each step after the one before it:
///
/// 1. The state directory and the workspace with their locks. The ledger is checked.
/// 2. The private broker, unless `RABBITMQ_URL` names another one, and the connection to the broker.
/// 3. The record of workers' ends, the calls of the webhook, and the watches whose findings HTTP shows.
/// 4. The HTTP interface. It answers from here on, whether there are workers or not.
/// 5. The pools, then the run file, by which commands find the tree.
/// 6. The services of maintenance, all at once. The service manager hears that the tree serves.
///
/// The stop, at a request or at a step that fails:
///
/// 1. The service manager hears of it.
/// 2. All services but the record and the webhook are cancelled. Meanwhile the workers finish or hand back their jobs,
///    within `DRAIN_SECONDS` and five more (``Settings/drainLimit``); who is left then is killed. A second request
///    hastens that.
/// 3. Once the workers are gone, all that the record was told is put in the ledger. The services are waited for, then
///    the webhook is called no more.
/// 4. `SHUTDOWN_CLEANUP`.
/// 5. The connection to the broker, the run file, the HTTP interface, the private broker. The locks go with the
///    process.
actor ProcessTree {
    let live: LiveSettings
    let logger: Logger
    let stop: StopSignals
    let notifier: ServiceNotifier
    let setLogLevel: @Sendable (Settings.LogLevel) -> Void
    private let manager: ServiceManager
    private let executablesDirectory: String
    private let limits: RestartPolicy.Limits
    private let token: APIToken
    private let stateDirectory: String

    private var locks: [ProcessLock] = []
    private(set) var tracker: TempFileTracker?
    private var broker: PrivateBrokerProcess?
    private var brokerURL = ""
    private(set) var link: BrokerLink?
    /// nil until the tree can be told something.
    private(set) var pools: PoolSupervisor?
    private(set) var server: StatusServer.Running?
    private var runFile: RunFile?

    /// - Parameters:
    ///   - variables: what `settings` were read from.
    ///   - manager: the manager of services, which hears how the tree is.
    ///   - setLogLevel: called when a reload changes the level.
    init(
        settings: Settings,
        variables: [String: String],
        executablesDirectory: String,
        limits: RestartPolicy.Limits = .init(),
        stop: StopSignals,
        manager: ServiceManager,
        setLogLevel: @escaping @Sendable (Settings.LogLevel) -> Void,
        logger: Logger
    ) {
        live = LiveSettings(settings, variables: variables)
        self.setLogLevel = setLogLevel
        self.executablesDirectory = executablesDirectory
        self.limits = limits
        self.stop = stop
        self.logger = logger
        self.manager = manager
        notifier = ServiceNotifier(manager, logger: logger)
        stateDirectory = settings.stateDirectory
        token = settings.apiToken.map { APIToken($0) } ?? .random()
    }

    /// Runs the tree until it is asked to stop.
    ///
    /// - Throws: what kept it from starting. Nothing is left running in any case.
    func run() async throws {
        var failure: (any Error)?
        do {
            let parts = try await prepare()
            failure = await serve(parts)
        } catch {
            await notifier.stopping()
            failure = error
        }
        await takeDown()
        // A request to stop before all was up is no failure.
        if let failure, await stop.count == 0 { throw failure }
    }

    // MARK: - Start

    /// Steps 1 and 2 of the start.
    private func prepare() async throws -> TreeParts {
        let settings = await live.settings
        let tracker = try await openDirectories(settings)
        // A private broker takes ten seconds and more to start, and would for nothing.
        if settings.port != 0, let failure = ListenFailure.trying(settings.httpAddress, settings.port) {
            throw TreeError(message: failure.text)
        }
        let host = try ProcessHost()
        brokerURL = try await findBroker(settings, host)
        var connection = AMQPConfiguration()
        connection.backoff.maximum = .seconds(settings.reconnectMaximumSeconds)
        let link = BrokerLink(configuration: connection, logger: logger)
        self.link = link
        try await link.connect(to: brokerURL)
        let ends = WorkerEnds(tracker: tracker, logger: logger)
        let pools = try PoolSupervisor(
            counts: settings.workers,
            executablesDirectory: executablesDirectory,
            environment: await workerEnvironment(),
            host: host,
            limits: limits,
            watch: WatchLimits(settings),
            listener: SupervisionLoop.Listener(interval: manager.pingInterval) { [notifier] pools in
                await notifier.round(ServiceReport.Facts(pools, brokerProblem: await link.problem))
            },
            onEnd: { ends.note($0) },
            logger: logger
        )
        self.pools = pools
        return TreeParts(
            settings: settings,
            live: live,
            tracker: tracker,
            link: link,
            isBrokerPrivate: broker != nil,
            ends: ends,
            pools: pools,
            logger: logger
        )
    }

    private func openDirectories(_ settings: Settings) async throws -> TempFileTracker {
        try StateDirectory(settings).make()
        locks.append(try await SupervisorLock.take(directory: settings.stateDirectory, variable: "STATE_DIR"))
        let tracker = try TempFileTracker.open(
            temporaryDirectory: settings.temporaryDirectory,
            fileLevel: settings.fileLogLevel,
            logger: logger
        )
        self.tracker = tracker
        locks.append(try await SupervisorLock.take(directory: tracker.workspace.path, variable: "TEMP_DIR"))
        RunFile.remove(stateDirectory: settings.stateDirectory)
        logger.info(
            "media processor \(Version.text) is starting",
            metadata: [
                LogKey.processID: "\(getpid())", "workspace": "\(tracker.workspace.path)",
                "state": "\(settings.stateDirectory)",
            ]
        )
        try await tracker.jobs.checkLedger()
        return tracker
    }

    private func findBroker(_ settings: Settings, _ host: ProcessHost) async throws -> String {
        if let url = settings.brokerURL { return url }
        let broker = PrivateBrokerProcess(
            directory: settings.stateDirectory + "/" + StateDirectory.brokerName,
            host: host,
            logger: logger,
            waiting: { [notifier] in await notifier.waiting("for the predecessor's private broker to end") },
            changed: { [weak self] url in await self?.brokerMoved(to: url) }
        )
        self.broker = broker
        return try await withThrowingTaskGroup(of: Void.self) { group in
            // Without this a request to stop would wait until the node is up.
            group.addTask { [stop] in
                await stop.wait(for: 1)
                if !Task.isCancelled { await broker.stop() }
            }
            defer { group.cancelAll() }
            return try await broker.start()
        }
    }

    /// Steps 4 and 5 of the start.
    func open(_ parts: TreeParts) async throws {
        let settings = parts.settings
        let status = parts.status(stop: stop)
        let server: StatusServer.Running
        do {
            server = try await StatusServer(
                source: status,
                control: parts.control,
                gate: RequestGuard(settings, token: token),
                logger: logger
            ).start(address: settings.httpAddress, port: settings.port)
        } catch {
            throw TreeError(message: ListenFailure(error, settings.httpAddress, settings.port).text)
        }
        self.server = server
        if await stop.count > 0 { return }
        await parts.pools.start()
        let file = RunFile(
            pid: getpid(),
            address: settings.httpAddress,
            port: server.port,
            token: token.text,
            brokerURL: brokerURL,
            workspace: parts.tracker.workspace.path,
            startedAt: Timestamp.string(status.startedAt),
            version: Version.text
        )
        try file.write(stateDirectory: settings.stateDirectory)
        runFile = file
    }

    func workerEnvironment() async -> [String: String] { await live.workerEnvironment(brokerURL: brokerURL) }

    /// The private node came back elsewhere because its port was taken meanwhile.
    private func brokerMoved(to url: String) async {
        brokerURL = url
        do {
            try await link?.connect(to: url)
            if var file = runFile {
                file.brokerURL = url
                try file.write(stateDirectory: stateDirectory)
                runFile = file
            }
        } catch {
            logger.error("the private broker's new address is not usable", metadata: [LogKey.cause: "\(error)"])
        }
        await pools?.restartAll(environment: await workerEnvironment())
    }

    // MARK: - Stop

    /// Steps 4 and 5 of the stop.
    private func takeDown() async {
        await emptyWorkspace()
        await link?.close()
        if runFile != nil { RunFile.remove(stateDirectory: stateDirectory) }
        runFile = nil
        await server?.stop()
        await broker?.stop()
        if pools != nil { logger.info("stopped") }
    }
}
