internal import JobModel
internal import NIOHTTP1
internal import Queues

/// The tree that the command line talks to, over HTTP.
///
/// Every function throws ``SupervisorHTTP/Failure`` when no answer of a supervisor comes, and ``Problem`` when the
/// supervisor says that something is not possible.
struct RunningSupervisor: Sendable {
    private let http: SupervisorHTTP

    /// The limit of a request for which the supervisor looks through queues.
    static let longTimeout = Duration.seconds(150)

    init(port: Int) { http = SupervisorHTTP(port: port) }

    /// - Parameter timeout: of calls that are not known to take long.
    init(_ place: SupervisorPlace, timeout: Duration = .seconds(5)) {
        http = SupervisorHTTP(host: place.host, port: place.port, token: place.token, timeout: timeout)
    }

    func health() async throws -> HealthReport {
        let answer = try await http.get("/health")
        // A report of bad health has the status of an error.
        if let report = try? JSONText.decode(HealthReport.self, from: answer.body) { return report }
        return try decode(HealthReport.self, answer)
    }

    func info() async throws -> InfoReport { try decode(InfoReport.self, try await http.get("/info")) }

    func overview() async throws -> Overview { try decode(Overview.self, try await http.get("/overview")) }

    func decode<T: Decodable>(_ type: T.Type, _ answer: SupervisorHTTP.Answer) throws -> T {
        if let problem = Self.problem(answer) { throw problem }
        do {
            return try JSONText.decode(type, from: answer.body)
        } catch {
            throw SupervisorHTTP.Failure(description: "\(http.address) is not a media processor")
        }
    }

    static func problem(_ answer: SupervisorHTTP.Answer) -> Problem? {
        answer.status >= 400 ? try? JSONText.decode(Problem.self, from: answer.body) : nil
    }

    func get(_ path: String, timeout: Duration? = nil) async throws -> SupervisorHTTP.Answer {
        try await http.send(.init(path: path, timeout: timeout))
    }

    func change(
        _ method: HTTPMethod,
        _ path: String,
        _ body: JSONFields? = nil,
        timeout: Duration? = nil
    ) async throws -> SupervisorHTTP.Answer {
        try await http.send(.init(method: method, path: path, body: body?.serialized(), timeout: timeout))
    }
}
