internal import HTTPTypes
internal import Hummingbird
internal import Logging

/// Makes every error an `application/problem+json`.
struct ProblemMiddleware: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = problem(error, request)
            var response = try Response.json(
                problem,
                status: HTTPResponse.Status(code: problem.status),
                type: "application/problem+json"
            )
            if problem.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
            if let methods = problem.allowedMethods { response.headers[.allow] = methods.joined(separator: ", ") }
            return response
        }
    }

    private func problem(_ error: any Error, _ request: Request) -> Problem {
        switch error {
        case let problem as Problem:
            return problem
        case let error as any HTTPResponseError:
            let detail =
                switch error.status {
                case .notFound: "there is nothing at \(request.uri.path)"
                case .contentTooLarge: "the body is larger than this server takes"
                default: error.status.reasonPhrase
                }
            return Problem(title: error.status.reasonPhrase, status: error.status.code, detail: detail)
        default:
            logger.error("a request failed", metadata: ["path": "\(request.uri.path)", "cause": "\(error)"])
            return Problem(title: "Internal error", status: 500, detail: "the supervisor's log says more")
        }
    }
}

/// Tells a client that asked for the end of its connection that this answer is the last one (RFC 9112, 9.6).
///
/// The framework closes such a connection, but only a moment after the answer, and does not announce it. A client that
/// keeps connections, as libcurl does whatever request header its user sets, would send its next request into the end
/// of this one, where nobody reads it.
struct LastAnswerMiddleware: RouterMiddleware {
    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        let options = request.headers[values: .connection].flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
        if options.contains(where: Self.isClose) { response.headers[.connection] = "close" }
        return response
    }

    /// Whether a connection option is `close`, in any case and with white space around it.
    private static func isClose(_ option: Substring.UTF8View) -> Bool {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let trimmed = option.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return trimmed.map { $0 | 0x20 }.elementsEqual("close".utf8)
    }
}

/// Refuses requests of callers that may not make them.
struct GuardMiddleware: RouterMiddleware {
    let gate: RequestGuard
    private static let host = HTTPField.Name("Host")
    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        func values(_ name: HTTPField.Name?) -> [String] { name.map { request.headers[values: $0] } ?? [] }
        var context = context
        context.caller = try gate.check(
            RequestGuard.Facts(
                path: request.uri.path,
                isChange: request.method != .get && request.method != .head,
                // The framework takes the first `Host` out of the headers and leaves others there.
                host: (request.head.authority.map { [$0] } ?? []) + values(Self.host),
                origin: values(.origin),
                fetchSite: values(Self.fetchSite),
                authorization: values(.authorization)
            )
        )
        return try await next(request, context)
    }
}

/// Headers that keep our page from being used by others, and text of jobs from becoming code.
struct SecurityHeaders: RouterMiddleware {
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
    private static let fields = [
        ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ].compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } }

    func handle(
        _ request: Request,
        context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        for field in Self.fields { response.headers.append(field) }
        return response
    }
}
