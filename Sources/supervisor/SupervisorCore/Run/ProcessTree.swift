internal import AMQP
internal import Glibc
internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceKit
internal import TempFiles

/// The whole tree: started in order, watched, and taken down in the reverse order.
actor ProcessTree {
    var settings: Settings
    /// What ``settings`` were read from.
    private var variables: [String: String]
    /// What was wrong with the configuration that was read last; nil when nothing was.
    private var refusedConfiguration: String?
    private let setLogLevel: @Sendable (Settings.LogLevel) -> Void
    private let executablesDirectory: String
    private let limits: RestartPolicy.Limits
    let logger: Logger
    let stop: StopSignals

    private var locks: [ProcessLock] = []
    private var broker: PrivateBrokerProcess?
    var link: BrokerLink?
    var pools: PoolSupervisor?
    var tracker: TempFileTracker?
    private var server: StatusServer.Running?
    private var sweeper: Task<Void, Never>?
    private var serviceWatch: Task<Void, Never>?
    private var diskWatch: Task<Void, Never>?
    private var storeWatch: Task<Void, Never>?
    private var updatesWatch: Task<Void, Never>?
    private var compressor: Task<Void, Never>?
    private var claimsWatch: Task<Void, Never>?
    private var ends: WorkerEnds?
    private var endsWatch: Task<Void, Never>?
    private var webhookCalls: Task<Void, Never>?
    private var connecting: Task<Void, Never>?
    private var hastener: Task<Void, Never>?
    private var hasRunFile = false
    private var brokerURL = ""
    private var startedAt = ""
    private let token: APIToken
    private let manager: ServiceManager
    private let notifier: ServiceNotifier

    /// - Parameters:
    ///   - variables: what `settings` were read from.
    ///   - manager: of services, which hears how the tree is.
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
        self.settings = settings
        self.variables = variables
        self.setLogLevel = setLogLevel
        self.executablesDirectory = executablesDirectory
        self.limits = limits
        self.stop = stop
        self.logger = logger
        self.manager = manager
        notifier = ServiceNotifier(manager, logger: logger)
        token = settings.apiToken.map { APIToken($0) } ?? .random()
    }

    /// Runs the tree until it is asked to stop.
    ///
    /// - Throws: what kept it from starting. Nothing is left running in any case.
    func run() async throws {
        do {
            try await start()
            await stop.wait(for: 1)
        } catch {
            await takeDown()
            // Asked to stop before all was up: that is no failure.
            if await stop.count > 0 { return }
            throw error
        }
        await takeDown()
    }

    /// Makes all workers open their log file anew.
    func reopenLogs() async { await pools?.reopenLogs() }

    /// Reads the configuration again. A wrong one changes nothing; of a right one everything takes effect that can without
    /// another start. Pools get the sizes of `WORKERS` back.
    func reload() async {
        guard let pools else {
            logger.warning("the configuration is not read again: the tree is still starting")
            return
        }
        await notifier.reloading()
        let isRefused = await !reload(pools)
        await notifier.reloaded(isRefused: isRefused)
    }

    /// - Returns: false when the new configuration is wrong.
    private func reload(_ pools: PoolSupervisor) async -> Bool {
        let change: ConfigurationChange
        do throws(SettingsError) {
            let read = try TreeSettings.load()
            change = try ConfigurationChange(from: variables, to: read.variables)
        } catch {
            refusedConfiguration = error.problems.map { "\($0.key): \($0.message)" }.joined(separator: "; ")
                .clipped(toBytes: Self.maximumRefusalBytes)
            for problem in error.problems {
                logger.error(
                    "the new configuration is wrong, and nothing of it takes effect",
                    metadata: ["setting": "\(problem.key)", LogKey.cause: "\(problem.message)"]
                )
            }
            return false
        }
        (settings, variables, refusedConfiguration) = (change.settings, change.variables, nil)
        setLogLevel(settings.logLevel)
        await pools.reconfigure(
            counts: settings.workers,
            environment: workerEnvironment,
            replacingWorkers: change.needsNewWorkers
        )
        if !change.postponed.isEmpty {
            logger.warning(
                "these settings need a restart of the supervisor; the old values go on",
                metadata: ["settings": "\(change.postponed.joined(separator: ", "))"]
            )
        }
        logger.notice(
            "the configuration was read again",
            metadata: ["changed": "\(change.applied.joined(separator: ", "))"]
        )
        return true
    }

    /// Of what `/health` says.
    private static let maximumRefusalBytes = 2048

    // MARK: - Start

    private func start() async throws {
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
        // A private broker takes ten seconds and more to start, and would for nothing.
        if settings.port != 0, let failure = ListenFailure.trying(settings.httpAddress, settings.port) {
            throw TreeError(message: failure.text)
        }
        let host = try ProcessHost()
        brokerURL = try await findBroker(host)
        var connection = AMQPConfiguration()
        connection.backoff.maximum = .seconds(settings.reconnectMaximumSeconds)
        let link = BrokerLink(configuration: connection, logger: logger)
        self.link = link
        try await link.connect(to: brokerURL)
        let ends = WorkerEnds(tracker: tracker, logger: logger)
        self.ends = ends
        endsWatch = Task { await ends.run() }
        let pools = try PoolSupervisor(
            counts: settings.workers,
            executablesDirectory: executablesDirectory,
            environment: workerEnvironment,
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
        let webhook = settings.alertWebhook.map { AlertWebhook(url: $0, logger: logger) }
        webhookCalls = Task { await webhook?.run() }
        let disk = DiskWatch(
            path: tracker.workspace.path,
            space: { try? tracker.space() },
            percent: settings.alertPercent,
            logger: logger,
            announce: { webhook?.announce($0) }
        )
        diskWatch = Task { await disk.run() }
        let store = StoreWatch(
            url: { [weak self, settings] in (await self?.settings ?? settings).storageURL },
            logger: logger
        )
        storeWatch = Task { await store.run() }
        let status = TreeStatus(
            settings: settings,
            tracker: tracker,
            disk: disk,
            pools: pools,
            broker: link,
            isBrokerPrivate: broker != nil,
            stop: stop,
            current: { [weak self, settings] in await self?.settings ?? settings },
            refusedConfiguration: { [weak self] in await self?.refusedConfiguration },
            store: store,
            logger: logger
        )
        startedAt = Timestamp.string(status.startedAt)
        let claims = ClaimsWatch(link, queues: settings.queueLayout, tracker: tracker, logger: logger)
        let control = TreeActions(
            settings: settings,
            tracker: tracker,
            pools: pools,
            broker: link,
            claims: claims,
            current: { [weak self, settings] in await self?.settings ?? settings },
            logger: logger
        )
        let server = try await startServer(status, control)
        self.server = server
        if await stop.count > 0 { return }
        await pools.start()
        try writeRunFile()
        let queues = settings.queueLayout
        let sweeper = Sweeper(
            tracker: tracker,
            settings: settings,
            endAbandoned: { try await link.end($0, queues: queues) },
            logger: logger
        )
        self.sweeper = Task { await sweeper.run() }
        let service = ServiceWatch(tracker: tracker, settings: settings, pools: pools, broker: link, logger: logger)
        serviceWatch = Task { await service.run() }
        let cancellation = JobCancellation(
            tracker: tracker,
            broker: link,
            queues: queues,
            claims: claims,
            logger: logger
        )
        if let claims { claimsWatch = Task { await claims.run(cancellation.end) } }
        if let compressor = FileCompression(
            tracker: tracker,
            settings: settings,
            // A broker that is away is logged, and the job ends when its message is next delivered.
            endCancelled: { _ = try? await cancellation.cancel($0) },
            logger: logger
        ) {
            self.compressor = Task { await compressor.run() }
        }
        // A quorum queue counts each look at a message against its delivery limit, which RabbitMQ 4 gives every such queue.
        if settings.queueType == .classic {
            let updates = UpdatesWatch(
                queues: settings.queueNames,
                broker: link,
                limit: { [weak self, settings] in Int(clamping: (await self?.settings ?? settings).maximumUpdates) },
                logger: logger
            )
            updatesWatch = Task { await updates.run() }
        }
        let address = await link.address
        logger.info(
            "media processor is up",
            metadata: [
                "http": "http://\(settings.httpAddress):\(server.port)", "broker": "\(address)",
            ]
        )
        await notifier.serving()
        connecting = Task {
            await link.waitUntilConnected()
            await pools.noteChange()
        }
    }

    private func findBroker(_ host: ProcessHost) async throws -> String {
        if let url = settings.brokerURL { return url }
        let broker = PrivateBrokerProcess(
            directory: settings.stateDirectory + "/" + StateDirectory.brokerName,
            host: host,
            logger: logger,
            waiting: { [notifier] in await notifier.waiting("for the predecessor's private broker to end") },
            changed: { [weak self] url in await self?.brokerMoved(to: url) }
        )
        self.broker = broker
        // Without this a request to stop would wait until the node is up.
        let watch = Task { [stop] in
            await stop.wait(for: 1)
            if !Task.isCancelled { await broker.stop() }
        }
        defer { watch.cancel() }
        return try await broker.start()
    }

    private func startServer(_ status: TreeStatus, _ control: TreeActions) async throws -> StatusServer.Running {
        let gate = RequestGuard(settings, token: token)
        do {
            return try await StatusServer(source: status, control: control, gate: gate, logger: logger)
                .start(address: settings.httpAddress, port: settings.port)
        } catch {
            throw TreeError(message: ListenFailure(error, settings.httpAddress, settings.port).text)
        }
    }

    private var workerEnvironment: [String: String] {
        WorkerEnvironment.make(
            inheriting: variables,
            settings: settings,
            brokerURL: brokerURL
        )
    }

    private func writeRunFile() throws {
        guard let server else { return }
        try RunFile(
            pid: getpid(),
            address: settings.httpAddress,
            port: server.port,
            token: token.text,
            brokerURL: brokerURL,
            workspace: tracker?.workspace.path,
            startedAt: startedAt,
            version: Version.text
        ).write(stateDirectory: settings.stateDirectory)
        hasRunFile = true
    }

    /// The private node came back elsewhere because its port was taken meanwhile.
    private func brokerMoved(to url: String) async {
        brokerURL = url
        do {
            try await link?.connect(to: url)
            if hasRunFile { try writeRunFile() }
        } catch {
            logger.error("the private broker's new address is not usable", metadata: [LogKey.cause: "\(error)"])
        }
        await pools?.restartAll(environment: workerEnvironment)
    }

    // MARK: - Stop

    private func takeDown() async {
        await notifier.stopping()
        if pools != nil {
            logger.info(
                "stopping: workers finish or hand back their jobs",
                metadata: [
                    "limit.seconds": "\(settings.drainSeconds)"
                ]
            )
        }
        connecting?.cancel()
        sweeper?.cancel()
        serviceWatch?.cancel()
        diskWatch?.cancel()
        storeWatch?.cancel()
        updatesWatch?.cancel()
        compressor?.cancel()
        claimsWatch?.cancel()
        hastener = Task { [stop, pools] in
            await stop.wait(for: 2)
            if !Task.isCancelled { await pools?.hasten() }
        }
        await pools?.drain(limit: settings.drainLimit)
        hastener?.cancel()
        ends?.finish()
        await endsWatch?.value
        await connecting?.value
        await sweeper?.value
        await serviceWatch?.value
        await diskWatch?.value
        await storeWatch?.value
        await updatesWatch?.value
        await compressor?.value
        await claimsWatch?.value
        webhookCalls?.cancel()
        await webhookCalls?.value
        await emptyWorkspace()
        await link?.close()
        if hasRunFile { RunFile.remove(stateDirectory: settings.stateDirectory) }
        await server?.stop()
        await broker?.stop()
        if pools != nil { logger.info("stopped") }
    }
}
