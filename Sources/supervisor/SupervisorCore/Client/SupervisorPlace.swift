internal import Glibc
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
    /// Whose the run file is, when it is there or may be, and not for this user.
    var stranger: uid_t?

    /// The tree's run file tells; without one, `HTTP_ADDRESS`, `PORT` and `API_TOKEN` do.
    static func find(_ settings: Settings) -> SupervisorPlace {
        let file = RunFile.read(stateDirectory: settings.stateDirectory)
        let path = RunFile.path(stateDirectory: settings.stateDirectory)
        return SupervisorPlace(
            host: reachable(file?.address ?? settings.httpAddress),
            port: file?.port ?? settings.port,
            // The settings' token is not for whom only a file names.
            token: file == nil ? settings.apiToken : file?.token,
            runFile: path,
            isFromRunFile: file != nil,
            stranger: file == nil ? RunFile.stranger(stateDirectory: settings.stateDirectory) : nil
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

    /// What to do when the supervisor wants the token.
    var tokenAdvice: String {
        stranger != nil
            ? "run this command as the user that \(runFile) belongs to, or set API_TOKEN"
            : "the token is in \(runFile) of the supervisor's STATE_DIR, or is its API_TOKEN: set one of the two"
    }

    /// What was looked for, and what to do.
    func explain(_ failure: SupervisorHTTP.Failure) -> String {
        guard !isFromRunFile else {
            return "\(failure); the supervisor of \(runFile) is busy, stopping or gone: see its log in LOG_DIR"
        }
        if let stranger {
            return "no supervisor was found: \(failure), and \(runFile) belongs to \(Account.text(ofUser: stranger)); "
                + "run this command as that user"
        }
        return "no supervisor was found: there is no \(runFile) of a running one (STATE_DIR), and \(failure) "
            + "(HTTP_ADDRESS, PORT); start one with `supervisor run`, or give this command the settings of the running one"
    }
}
