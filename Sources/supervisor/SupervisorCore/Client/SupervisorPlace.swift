internal import ServiceKit

/// Where the supervisor of some settings answers, and what it wants to hear.
struct SupervisorPlace: Sendable, Equatable {
    /// An IP address or `localhost`.
    var host: String
    var port: Int
    /// For what changes something; nil when it is not known.
    var token: String?
    /// The run file that told, or that was looked for.
    var runFile: String
    var isFromRunFile: Bool

    /// The tree's run file tells; without one, `HTTP_ADDRESS`, `PORT` and `API_TOKEN` do.
    static func find(_ settings: Settings) -> SupervisorPlace {
        let file = RunFile.read(stateDirectory: settings.stateDirectory)
        return SupervisorPlace(
            host: reachable(file?.address ?? settings.httpAddress),
            port: file?.port ?? settings.port,
            token: file?.token ?? settings.apiToken,
            runFile: RunFile.path(stateDirectory: settings.stateDirectory),
            isFromRunFile: file != nil
        )
    }

    /// Who listens everywhere is reached by loopback.
    private static func reachable(_ address: String) -> String {
        switch address {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: address
        }
    }

    /// What was looked for, and what to do.
    func explain(_ failure: SupervisorHTTP.Failure) -> String {
        guard !isFromRunFile else {
            return "\(failure); the supervisor of \(runFile) is busy, stopping or gone: see its log in LOG_DIR"
        }
        return "no supervisor was found: there is no \(runFile) of a running one (STATE_DIR), and \(failure) "
            + "(HTTP_ADDRESS, PORT); start one with `supervisor run`, or give this command the settings of the running one"
    }
}
