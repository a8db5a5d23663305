internal import Files
internal import Glibc
internal import Queues
internal import Settings

/// Where the supervisor of some settings answers, and with which token.
struct SupervisorPlace: Sendable, Equatable {
    /// An IP address or `localhost`.
    var host: String
    var port: Int
    /// The secret for calls that change something; nil when it is not known.
    var token: String?
    /// The run file that told, or that was looked for.
    var runFile: String
    var isFromRunFile: Bool
    /// The owner of a run file that is there, or may be, and that this user cannot read.
    var stranger: uid_t?
    /// Which supervisor has the state directory, without a run file: before it is up, and while it ends.
    var starting: pid_t?

    /// The tree's run file tells; without one, `HTTP_ADDRESS`, `PORT` and `API_TOKEN` do.
    static func find(_ settings: Settings) -> SupervisorPlace {
        let file = RunFile.read(stateDirectory: settings.stateDirectory)
        let path = RunFile.path(stateDirectory: settings.stateDirectory)
        return SupervisorPlace(
            host: reachable(file?.address ?? settings.httpAddress),
            port: file?.port ?? settings.port,
            // A supervisor that only a file names does not get the settings' token.
            token: file == nil ? settings.apiToken : file?.token,
            runFile: path,
            isFromRunFile: file != nil,
            stranger: file == nil ? RunFile.stranger(stateDirectory: settings.stateDirectory) : nil,
            starting: file == nil ? SupervisorLock.holder(directory: settings.stateDirectory) : nil
        )
    }

    /// A supervisor that listens everywhere is reached by loopback.
    private static func reachable(_ address: String) -> String {
        switch address {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: address
        }
    }

    /// Advice for a call that the supervisor refuses without the token.
    func tokenAdvice() async -> String {
        if stranger != nil {
            return "run this command as the user that \(runFile) belongs to, or set API_TOKEN"
        }
        if !isFromRunFile, let other = await otherTree() { return other + ", or API_TOKEN to its token" }
        return "the token is in \(runFile) of the supervisor's STATE_DIR, or is its API_TOKEN: set one of the two"
    }

    /// The owner of the tree that answers here and is not the state directory's; nil when no supervisor answers.
    func otherTree() async -> String? {
        // Asked without the token, which may be another tree's: this machine may read without one.
        var place = self
        place.token = nil
        let supervisor = RunningSupervisor(place, timeout: .seconds(2))
        guard !isFromRunFile, let tree = try? await supervisor.info() else { return nil }
        return
            "the supervisor that answers on \(ListenFailure.place(host, port)) is process \(tree.pid), and there is no "
            + "\(runFile); set STATE_DIR to the directory that it has there"
    }

    /// Why nothing is known of a tree.
    func explainAbsence() async -> String {
        if let starting { return Self.isStarting(starting) }
        if let stranger { return Self.isStrange(runFile, stranger) }
        return await otherTree()
            ?? "no supervisor runs from \(parentPath(runFile) ?? runFile) (STATE_DIR), and RABBITMQ_URL is not set; "
            + "start one with `supervisor run`"
    }

    private static func isStarting(_ processID: pid_t) -> String {
        "the supervisor is starting or ending (process \(processID)); try again in a moment"
    }

    private static func isStrange(_ runFile: String, _ user: uid_t) -> String {
        "\(runFile) belongs to \(Account.text(ofUser: user)); run this command as that user"
    }

    /// Says where the supervisor was looked for, and what to do.
    func explain(_ failure: SupervisorHTTP.Failure) -> String {
        guard !isFromRunFile else {
            return "\(failure); the supervisor of \(runFile) is busy, stopping or gone: see its log in LOG_DIR"
        }
        if let starting { return Self.isStarting(starting) }
        if let stranger { return "no supervisor was found: \(failure), and \(Self.isStrange(runFile, stranger))" }
        return "no supervisor was found: there is no \(runFile) of a running one (STATE_DIR), and \(failure) "
            + "(HTTP_ADDRESS, PORT); start one with `supervisor run`, or give this command the settings of the "
            + "running one"
    }
}
