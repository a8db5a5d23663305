internal import Hummingbird
internal import JobModel
internal import Settings

extension StatusServer {
    /// The routes for orphans, dead letters and pools.
    func addControls(to router: Router<ServerContext>, bodyBytes: Int) {
        let (source, control) = (source, control)
        router.get("orphans") { _, _ in try Response.json(try await source.orphans()) }
        router.post("orphans/clean") { _, _ in try Response.json(try await control.cleanOrphans()) }
        router.get("dead") { request, _ in
            let limit = try JobQuery.limit { name in request.uri.queryParameters[Substring(name)].map(String.init) }
            return try Response.json(try await source.deadLetters(limit: limit))
        }
        router.post("dead/redrive") { request, _ in
            let selection = try DeadLetters.Selection(try await request.json(upTo: bodyBytes))
            // A message that is no job cannot run.
            guard selection != .notJobs else { throw DeadLetters.Selection.unusable() }
            return try Response.json(try await control.redrive(selection))
        }
        router.post("dead/discard") { request, _ in
            let selection = try DeadLetters.Selection(try await request.json(upTo: bodyBytes))
            return try Response.json(try await control.discard(selection))
        }
        router.post("pools/:name/scale") { request, context in
            let pool = try Self.pool(context)
            let body = try await request.json(upTo: bodyBytes)
            let range = 0...WorkerCounts.maximumPerPool
            guard case .integer(let number) = body["workers"]?.value, let workers = Int(exactly: number),
                range ~= workers
            else {
                throw Problem(
                    title: "Unusable number of workers",
                    status: 400,
                    detail: "`workers` must be a whole number from 0 to \(WorkerCounts.maximumPerPool)"
                )
            }
            try await control.scale(pool, to: workers)
            return try Response.json(
                PoolOrder(pool: pool.description, workers: workers, rolling: nil),
                status: .accepted
            )
        }
        router.post("pools/:name/restart") { request, context in
            let pool = try Self.pool(context)
            let body = try await request.json(upTo: bodyBytes)
            let isRolling: Bool
            switch body["rolling"]?.value {
            case nil: isRolling = false
            case .bool(let value): isRolling = value
            default: throw Problem(title: "Unusable body", status: 400, detail: "`rolling` must be true or false")
            }
            try await control.restart(pool, isRolling: isRolling)
            return try Response.json(
                PoolOrder(pool: pool.description, workers: nil, rolling: isRolling),
                status: .accepted
            )
        }
    }

    /// An order to a pool that was accepted.
    struct PoolOrder: Codable, Equatable {
        var pool: String
        var workers: Int?
        var rolling: Bool?
    }

    private static func pool(_ context: ServerContext) throws(Problem) -> PoolName {
        let name = context.parameters.get("name") ?? ""
        guard let pool = PoolName(name) else {
            let known = PoolName.all.map(\.description).joined(separator: ", ")
            throw Problem(title: "Unknown pool", status: 404, detail: "pools are \(known)")
        }
        return pool
    }
}

extension DeadLetters.Selection {
    /// Reads `{"id": …}`, `{"id": …, "kind": …}`, `{"reason": …}`, `{"notJobs": true}` or `{"all": true}`.
    init(_ object: JSONFields) throws(Problem) {
        if let unknown = object.fields.first(where: { !Self.fields.contains($0.name) }) {
            let name = unknown.name.string.clipped(toBytes: 100).shown
            throw Problem(title: "Unusable choice", status: 400, detail: "`\(name)` is no field of a choice")
        }
        let flags = [(name: "all", choice: Self.all), (name: "notJobs", choice: Self.notJobs)]
            .filter { object[ByteText($0.name)] != nil }
        switch (object["id"]?.value, object["kind"]?.value, object["reason"]?.value, flags.count) {
        case (.string(let id), nil, nil, 0) where JobKey.isValid(id: ByteText(id)): self = .id(ByteText(id))
        case (.string(let id), .string(let name), nil, 0) where JobKey.isValid(id: ByteText(id)):
            guard let kind = MediaKind(named: ByteText(name)) else {
                throw Problem(title: "Unusable choice", status: 400, detail: "`kind` must be video or image")
            }
            self = .job(JobKey(kind: kind, id: ByteText(id)))
        case (nil, nil, .string(let code), 0) where !code.isEmpty: self = .reason(code)
        case (nil, nil, nil, 1) where object[ByteText(flags[0].name)]?.value == .bool(true): self = flags[0].choice
        default: throw Self.unusable()
        }
    }

    private static let fields: Set<ByteText> = ["id", "kind", "reason", "all", "notJobs"]

    static func unusable() -> Problem {
        Problem(
            title: "Unusable choice",
            status: 400,
            detail:
                "give exactly one of `id` (a job's, `kind` beside it if wished), `reason` (a code) and `all` (true); "
                + "`notJobs` (true) is for /dead/discard"
        )
    }

    /// The fields that ``init(_:)`` reads.
    var json: JSONFields {
        switch self {
        case .all: ["all": true]
        case .id(let id): ["id": .string(id.string)]
        case .job(let key): ["id": .string(key.id.string), "kind": .string(key.kind.rawValue)]
        case .reason(let code): ["reason": .string(code)]
        case .notJobs: ["notJobs": true]
        }
    }
}
