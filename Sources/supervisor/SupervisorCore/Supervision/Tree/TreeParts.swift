internal import JobModel
internal import Logging
internal import Logs
internal import Queues
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

/// The parts of a running tree, of which its HTTP interface and its services share most.
struct TreeParts: Sendable {
    /// As at the start. Only ``live`` knows of a reload.
    let settings: Settings
    let live: LiveSettings
    let tracker: TempFileTracker
    let spill: SpillStores
    let link: BrokerLink
    let isBrokerPrivate: Bool
    let ends: WorkerEnds
    let pools: PoolSupervisor
    /// nil without `ALERT_WEBHOOK_URL`.
    let webhook: AlertWebhook?
    let disk: DiskWatch
    let store: StoreWatch
    /// nil when no other host shares the broker.
    let claims: ClaimsWatch?
    let search: WaitingJobs
    /// nil without `S3_EVENTS_QUEUE`.
    let events: BucketEvents?
    let logger: Logger

    init(
        settings: Settings,
        live: LiveSettings,
        tracker: TempFileTracker,
        link: BrokerLink,
        isBrokerPrivate: Bool,
        ends: WorkerEnds,
        pools: PoolSupervisor,
        logger: Logger
    ) {
        self.settings = settings
        self.live = live
        self.tracker = tracker
        spill = SpillStores(settings)
        self.link = link
        self.isBrokerPrivate = isBrokerPrivate
        self.ends = ends
        self.pools = pools
        self.logger = logger
        let webhook = settings.alertWebhook.map { AlertWebhook(url: $0, logger: logger) }
        self.webhook = webhook
        disk = DiskWatch(
            path: tracker.workspace.path,
            space: { try? tracker.space() },
            percent: settings.alertPercent,
            logger: logger,
            announce: { webhook?.announce($0) }
        )
        store = StoreWatch(
            url: { await live.settings.storageURL },
            settings: { await live.settings.storage },
            logger: logger
        )
        search = WaitingJobs(tracker: tracker, broker: link, queues: settings.queueLayout, logger: logger)
        claims = ClaimsWatch(link, queues: settings.queueLayout, tracker: tracker, logger: logger)
        events = BucketEvents(
            settings,
            tracker: tracker,
            broker: link,
            current: { await live.settings },
            logger: logger
        )
    }

    func status(stop: StopSignals) -> TreeStatus {
        TreeStatus(
            settings: settings,
            tracker: tracker,
            spill: spill,
            disk: disk,
            pools: pools,
            broker: link,
            isBrokerPrivate: isBrokerPrivate,
            stop: stop,
            current: { await live.settings },
            refusedConfiguration: { await live.refusal },
            store: store,
            events: events,
            logger: logger
        )
    }

    var control: TreeActions {
        TreeActions(
            settings: settings,
            tracker: tracker,
            spill: spill,
            pools: pools,
            broker: link,
            claims: claims,
            search: search,
            current: { await live.settings },
            logger: logger
        )
    }

    // MARK: - Services

    /// The services that run from before the HTTP interface answers, as it shows what they find.
    var watches: [any MaintenanceService] { [disk, store] }

    /// The services that run once the pools have begun to start workers.
    var maintenance: [any MaintenanceService] {
        let queues = settings.queueLayout
        let cancellation = JobCancellation(
            tracker: tracker,
            broker: link,
            queues: queues,
            claims: claims,
            search: search,
            logger: logger
        )
        var services: [any MaintenanceService] = [
            Sweeper(
                tracker: tracker,
                settings: settings,
                endAbandoned: { [link] in try await link.end($0, queues: queues) },
                logger: logger
            ),
            StoreSweeper(
                tracker: tracker,
                interval: .seconds(settings.cleanupIntervalHours * 3600),
                settings: { [live] in await live.settings },
                logger: logger
            ),
            ServiceWatch(tracker: tracker, settings: settings, pools: pools, broker: link, logger: logger),
        ]
        services.append(
            FileSpill(
                tracker: tracker,
                store: spill,
                settings: settings,
                endCancelled: { _ = try? await cancellation.cancel($0) },
                logger: logger
            )
        )
        if let claims { services.append(ForwardedCancellation(claims: claims, cancellation: cancellation)) }
        if let compression = FileCompression(
            tracker: tracker,
            settings: settings,
            // A broker that is away is logged, and the job ends when its message is next delivered.
            endCancelled: { _ = try? await cancellation.cancel($0) },
            logger: logger
        ) {
            services.append(compression)
        }
        // A quorum queue counts each look at a message against its delivery limit, which RabbitMQ 4 gives every such
        // queue.
        if settings.queueType == .classic {
            services.append(
                UpdatesWatch(
                    queues: settings.queueNames,
                    broker: link,
                    limit: { [live] in Int(clamping: await live.settings.maximumUpdates) },
                    logger: logger
                )
            )
        }
        if let events { services.append(events) }
        services.append(FirstConnection(link: link, pools: pools))
        return services
    }
}
