internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import JobModel
internal import Queues
internal import Text

extension StatusServer {
    /// The routes that show, submit and cancel jobs.
    func addJobs(to router: Router<ServerContext>, bodyBytes: Int) {
        let (source, control) = (source, control)
        router.get("jobs") { request, _ in
            let query = try JobQuery { name in request.uri.queryParameters[Substring(name)].map(String.init) }
            return try Response.json(try await source.jobs(query))
        }
        router.post("jobs") { request, context in
            let job = try await Self.newJob(request, context, bodyBytes: bodyBytes)
            let ticket = job.ticket
            if try await source.job(ticket.key) != nil {
                throw Problem(
                    title: "Known job",
                    status: 409,
                    detail: "there is a job \(ticket.key) already; a new job needs a new id"
                )
            }
            try await control.submit(job)
            var response = try Response.json(JobReference(ticket.key), status: .accepted)
            response.headers[.location] = "/jobs/\(ticket.kind.rawValue)/\(PercentCoding.encode(ticket.id.string))"
            return response
        }
        // Not below `jobs`: a job may have any id.
        router.post("check") { request, context in
            try await control.check(try await Self.newJob(request, context, bodyBytes: bodyBytes))
            return Response(status: .noContent)
        }
        // The router wants one name for the kind of this path and the id of the shorter one.
        router.get("jobs/:first/:id") { _, context in
            let key = try Self.key(context)
            guard let job = try await source.job(key) else { throw Self.unknown("\(key)") }
            return try Response.json(job)
        }
        router.get("jobs/:first") { _, context in
            let key = try await Self.onlyKey(context, source)
            guard let job = try await source.job(key) else { throw Self.unknown(key.id.string) }
            return try Response.json(job)
        }
        router.delete("jobs/:first/:id") { _, context in
            let key = try Self.key(context)
            return try Response.json(try await control.cancel(key), status: .accepted)
        }
        router.delete("jobs/:first") { _, context in
            let key = try await Self.onlyKey(context, source)
            return try Response.json(try await control.cancel(key), status: .accepted)
        }
    }

    private static func newJob(
        _ request: Request,
        _ context: ServerContext,
        bodyBytes: Int
    ) async throws -> EntryMessage {
        let job = try NewJob.message(try await request.json(upTo: bodyBytes))
        // The broker's own password would be needed to name such a source there.
        if NewJob.isFile(job.ticket.source), context.caller != .tokenHolder {
            throw RequestGuard.unauthorized("a job with a `file:` source needs the token")
        }
        return job
    }

    private static func key(_ context: ServerContext) throws(Problem) -> JobKey {
        let kindText = context.parameters.get("first") ?? ""
        guard let kind = MediaKind(named: ByteText(kindText)) else {
            throw Problem(title: "Unknown kind", status: 404, detail: "`\(kindText)` is neither video nor image")
        }
        return JobKey(kind: kind, id: try id("id", context))
    }

    private static func id(_ name: String, _ context: ServerContext) throws(Problem) -> ByteText {
        guard let id = PercentCoding.decode(context.parameters.get(name) ?? "").map({ ByteText($0) }),
            JobKey.isValid(id: id)
        else {
            throw Problem(
                title: "Unusable job id",
                status: 400,
                detail: "an id is 1 to \(JobKey.maximumIDLength) characters in percent-encoded UTF-8"
            )
        }
        return id
    }

    /// The job that an id without a kind means.
    private static func onlyKey(_ context: ServerContext, _ source: any StatusSource) async throws -> JobKey {
        let id = try id("first", context)
        let kinds = try await source.kinds(ofJob: id)
        guard let kind = kinds.first else { throw unknown(id.string) }
        guard kinds.count == 1 else {
            let paths = kinds.map { "/jobs/\($0.rawValue)/…" }.joined(separator: " or ")
            throw Problem(
                title: Problem.ambiguousJob,
                status: 409,
                detail: "jobs of both kinds have this id; use \(paths)"
            )
        }
        return JobKey(kind: kind, id: id)
    }

    private static func unknown(_ job: String) -> Problem {
        Problem(
            title: "Unknown job",
            status: 404,
            detail: "no stage has seen the job \(job) yet, or it was forgotten since"
        )
    }
}

extension JobReference {
    init(_ key: JobKey) { self.init(kind: key.kind, id: key.id) }
}

extension Request {
    /// The body as a JSON object.
    ///
    /// - Throws: ``Problem`` when it is none, or an error of the framework's when it is longer than `bytes`.
    func json(upTo bytes: Int) async throws -> JSONFields {
        // No form of a web page can send this type without being asked for permission first.
        guard headers[.contentType].map({ $0.lowercased().utf8.starts(with: "application/json".utf8) }) == true else {
            throw Problem(
                title: "Unsupported content type",
                status: 415,
                detail: "send the body as `Content-Type: application/json`"
            )
        }
        let body = try await body.collect(upTo: bytes)
        do throws(MessageError) {
            return try JSONFields(parsing: body.readableBytesView)
        } catch {
            throw Problem(title: "Unusable body", status: 400, detail: error.message)
        }
    }
}
