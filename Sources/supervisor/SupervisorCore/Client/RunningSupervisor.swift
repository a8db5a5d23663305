internal import JobModel
internal import ServiceKit

/// The tree that the command line talks to, over HTTP.
struct RunningSupervisor: Sendable {
    private let http: LoopbackHTTP

    init(port: Int) { http = LoopbackHTTP(port: port) }

    /// Where the tree of these settings is: its run file tells, or `PORT`.
    init(settings: Settings) {
        self.init(port: RunFile.read(stateDirectory: settings.stateDirectory)?.port ?? settings.port)
    }

    /// - Throws: ``LoopbackHTTP/Failure``.
    func health() async throws -> HealthReport { try decode(HealthReport.self, try await http.get("/health")) }

    /// - Throws: ``LoopbackHTTP/Failure``.
    func info() async throws -> InfoReport { try decode(InfoReport.self, try await http.get("/info")) }

    /// nil when no stage has seen the job yet.
    ///
    /// - Throws: ``LoopbackHTTP/Failure``.
    func job(_ key: JobKey) async throws -> JobView? {
        let answer = try await http.get("/jobs/\(key.kind.rawValue)/\(PercentCoding.encode(key.id))")
        return answer.status == 404 ? nil : try decode(JobView.self, answer)
    }

    private func decode<T: Decodable>(_ type: T.Type, _ answer: LoopbackHTTP.Answer) throws -> T {
        do {
            return try JSONText.decode(type, from: answer.body)
        } catch {
            if let problem = try? JSONText.decode(Problem.self, from: answer.body) {
                throw LoopbackHTTP.Failure(description: problem.detail ?? problem.title)
            }
            throw LoopbackHTTP.Failure(description: "127.0.0.1:\(http.port) is not a media processor")
        }
    }
}
