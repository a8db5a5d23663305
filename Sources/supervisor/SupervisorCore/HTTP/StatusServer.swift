internal import Hummingbird
internal import JobModel
internal import Logging
internal import NIOCore
internal import ServiceLifecycle

/// The HTTP interface, on loopback.
struct StatusServer: Sendable {
    private let source: any StatusSource
    private let logger: Logger
    private static let maximumJobs = 1000

    init(source: any StatusSource, logger: Logger) {
        self.source = source
        self.logger = logger
    }

    /// A server that runs until ``stop()``.
    struct Running: Sendable {
        var port: Int
        private let group: ServiceGroup
        private let task: Task<Void, any Error>

        fileprivate init(port: Int, group: ServiceGroup, task: Task<Void, any Error>) {
            self.port = port
            self.group = group
            self.task = task
        }

        func stop() async {
            await group.triggerGracefulShutdown()
            _ = await task.result
        }
    }

    /// Starts to listen.
    ///
    /// - Parameter port: 0 for a free one.
    /// - Throws: what the system answers when the port cannot be had.
    func start(port: Int) async throws -> Running {
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        // The framework tells of each request at this level; only what goes wrong is of interest.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let application = Application(
            router: router(),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { found.yield(port) }
            },
            logger: quiet
        )
        let group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
        let task = Task {
            defer { found.finish() }
            try await group.run()
        }
        for await port in ports { return Running(port: port, group: group, task: task) }
        try await task.value
        throw Problem(title: "the HTTP server did not start", status: 500)
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        let source = source
        router.add(middleware: ProblemMiddleware(logger: logger))
        router.get("health") { _, _ in
            let report = await source.health()
            return try Self.response(report, status: report.status == .unhealthy ? .serviceUnavailable : .ok)
        }
        router.get("info") { _, _ in try Self.response(await source.info()) }
        router.get("jobs") { request, _ in
            let limit = try Self.limit(request.uri.queryParameters["limit"].map(String.init))
            return try Self.response(JobList(jobs: try await source.jobs(limit: limit)))
        }
        router.get("jobs/:kind/:id") { _, context in
            let kindText = context.parameters.get("kind") ?? ""
            guard let kind = MediaKind(rawValue: kindText) else {
                throw Problem(title: "Unknown kind", status: 404, detail: "`\(kindText)` is neither video nor image")
            }
            guard let id = PercentCoding.decode(context.parameters.get("id") ?? ""), JobKey.isValid(id: id) else {
                throw Problem(title: "Unusable job id", status: 400, detail: "the id is not percent-encoded UTF-8")
            }
            let key = JobKey(kind: kind, id: id)
            guard let job = try await source.job(key) else {
                throw Problem(
                    title: "Unknown job",
                    status: 404,
                    detail: "no stage has seen the job \(key) yet, or it was forgotten since"
                )
            }
            return try Self.response(job)
        }
        return router
    }

    private static func limit(_ text: String?) throws(Problem) -> Int {
        guard let text else { return 50 }
        guard let limit = Int(text), (1...maximumJobs).contains(limit) else {
            throw Problem(title: "Unusable limit", status: 400, detail: "`limit` must be 1 to \(maximumJobs)")
        }
        return limit
    }

    fileprivate static func response(
        _ value: some Encodable,
        status: HTTPResponse.Status = .ok,
        type: String = "application/json"
    ) throws -> Response {
        let body = try JSONText.encode(value)
        return Response(
            status: status,
            headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body))
        )
    }
}

/// Makes every error an `application/problem+json`.
private struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request,
        context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = problem(error, request)
            return try StatusServer.response(
                problem,
                status: HTTPResponse.Status(code: problem.status),
                type: "application/problem+json"
            )
        }
    }

    private func problem(_ error: any Error, _ request: Request) -> Problem {
        switch error {
        case let problem as Problem:
            return problem
        case let error as any HTTPResponseError:
            let detail = error.status == .notFound ? "there is nothing at \(request.uri.path)" : nil
            return Problem(title: error.status.reasonPhrase, status: error.status.code, detail: detail)
        default:
            logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "cause": "\(error)"])
            return Problem(title: "Internal error", status: 500, detail: "the supervisor's log says more")
        }
    }
}
