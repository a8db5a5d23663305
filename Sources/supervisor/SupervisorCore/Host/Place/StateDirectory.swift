internal import Files
internal import Settings
internal import WorkerProtocol

/// `STATE_DIR`. Its files are believed (the lock, how to reach the tree, a private broker with its configuration and
/// messages), so nobody else may have put them there.
struct StateDirectory: Sendable {
    static let brokerName = "broker"
    static let trust = PathTrust(elsewhere: "set STATE_DIR to another place")

    var path: String
    /// Whether the tree has a private broker.
    var hasBroker: Bool

    init(_ settings: Settings) {
        path = settings.stateDirectory
        hasBroker = settings.brokerURL == nil
    }

    /// Makes the directory where it is missing, for its owner only. It changes nothing of what is there.
    ///
    /// - Throws: ``TreeError`` that names what others could change, and what to do; ``FileFailure``.
    func make() throws {
        if let problem = problem() { throw TreeError(message: "STATE_DIR cannot be used: \(problem)") }
        try SmallFile.makePrivateDirectory(path)
    }

    /// A thing that others could change; nil when there is none.
    func problem() -> PathTrust.Problem? {
        do throws(PathTrust.Problem) {
            let resolved = try Self.trust.check(ownDirectory: path)
            let isReachable = FileStatus(path: resolved).map { $0.permissions & 0o011 != 0 } ?? false
            // Other things may lie here as well, such as the store of the packaged service.
            for name in [SupervisorLock.name, RunFile.name] + (hasBroker ? [Self.brokerName] : []) {
                try Self.trust.check(within: resolved + "/" + name, isReachable: isReachable)
            }
            return nil
        } catch {
            return error
        }
    }
}
