internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

/// The HTTP interface: the tree's documents, the orders that it takes, and the dashboard.
struct StatusServer: Sendable {
    let source: any StatusSource
    let control: any TreeControl
    private let gate: RequestGuard
    private let limits: Limits
    private let logger: Logger

    /// Limits to the share of the server that one client can take from the others.
    struct Limits: Sendable {
        var bodyBytes = 1 << 20
        var connections = 256
        /// For a request's head, between two requests, and between two parts of one.
        var idle = TimeAmount.seconds(15)
        /// From a request's head to its end.
        var read = TimeAmount.seconds(30)
        /// The time that an answer waits for a client that does not read.
        var write = TimeAmount.seconds(10)
        /// Between two looks at the tree for those who listen to events.
        var eventInterval = Duration.seconds(1)
    }

    init(
        source: any StatusSource,
        control: any TreeControl,
        gate: RequestGuard,
        limits: Limits = Limits(),
        logger: Logger
    ) {
        self.source = source
        self.control = control
        self.gate = gate
        self.limits = limits
        self.logger = logger
    }

    /// A server that runs until ``stop()``.
    struct Running: Sendable {
        var port: Int
        /// The server that listens.
        private let channel: any Channel
        private let group: ServiceGroup
        private let task: Task<Void, any Error>
        private let feed: EventFeed

        fileprivate init(
            port: Int,
            channel: any Channel,
            group: ServiceGroup,
            task: Task<Void, any Error>,
            feed: EventFeed
        ) {
            self.port = port
            self.channel = channel
            self.group = group
            self.task = task
            self.feed = feed
        }

        func stop() async {
            // An open stream is an answer that has not ended, and the server waits for those.
            await feed.close()
            await channel.stopAccepting()
            await group.triggerGracefulShutdown()
            _ = await task.result
        }
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - address: an IP address, or `localhost`.
    ///   - port: 0 for a free one.
    /// - Throws: the system's error when the port is not available.
    func start(address: String = "127.0.0.1", port: Int) async throws -> Running {
        let (channels, found) = AsyncStream.makeStream(of: (any Channel).self)
        // The framework logs each request at this level; only errors are of interest.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let feed = EventFeed(source: source, interval: limits.eventInterval, logger: logger)
        let application = Application(
            router: router(feed),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        SlowClientHandler(readLimit: limits.read, writeLimit: limits.write)
                    ],
                    idleTimeout: limits.idle,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 8 << 10,
                        maxHeaderListSize: 32 << 10,
                        maxHeaderFieldCount: 100
                    )
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(address, port: port),
                availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)
            ),
            onServerRunning: { found.yield($0) },
            logger: quiet
        )
        let group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
        let task = Task {
            defer { found.finish() }
            try await group.run()
        }
        for await channel in channels {
            guard let port = channel.localAddress?.port else { break }
            return Running(port: port, channel: channel, group: group, task: task, feed: feed)
        }
        try await task.value
        throw Problem(title: "the HTTP server did not start", status: 500)
    }

    private func router(_ feed: EventFeed) -> Router<ServerContext> {
        // A router without middleware, to know the routes.
        let bare = Router(context: ServerContext.self)
        addRoutes(to: bare, feed)
        let router = Router(context: ServerContext.self)
        router.add(middleware: LastAnswerMiddleware())
        router.add(middleware: SecurityHeaders())
        router.add(middleware: ProblemMiddleware(logger: logger))
        router.add(middleware: MethodGuard(RouteTable(bare)))
        router.add(middleware: GuardMiddleware(gate: gate))
        addRoutes(to: router, feed)
        return router
    }

    private func addRoutes(to router: Router<ServerContext>, _ feed: EventFeed) {
        addPages(to: router)
        addStatus(to: router, feed)
        addJobs(to: router, bodyBytes: limits.bodyBytes)
        addControls(to: router, bodyBytes: limits.bodyBytes)
    }
}

extension Channel {
    /// Leaves new connections to the kernel, and returns when those that were accepted are served. NIO ends the process
    /// over a connection that is accepted in the moment in which its server closes.
    func stopAccepting() async {
        try? await setOption(.autoRead, value: false).get()
        try? await Task.sleep(for: .milliseconds(50))
    }
}

extension Response {
    /// - Throws: the encoder's error.
    static func json(
        _ value: some Encodable,
        status: HTTPResponse.Status = .ok,
        type: String = "application/json"
    ) throws -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: try JSONText.encode(value)))
        )
    }
}
