internal import Glibc

/// The directory of a private broker: its messages, logs, credentials and configuration. The next node can use it
/// again, however the last one ended.
struct BrokerDirectory: Sendable {
    let path: String

    /// - Parameter path: absolute.
    init(_ path: String) { self.path = path }

    var lockPath: String { path + "/lock" }
    var homePath: String { path + "/home" }
    var databasePath: String { path + "/mnesia" }
    var logDirectoryPath: String { path + "/log" }
    var configurationPath: String { path + "/rabbitmq.conf" }
    var pluginsPath: String { path + "/enabled_plugins" }
    var outputPath: String { logDirectoryPath + "/output.log" }
    private var passwordPath: String { path + "/password" }
    private var portPath: String { path + "/port" }

    /// Scripts that an Erlang node runs at its start when they are there.
    private var scriptPaths: [String] { [homePath + "/.erlang", homePath + "/.config/erlang/.erlang"] }

    /// Makes the directories that are missing, after a check that no other user can have put anything there.
    ///
    /// - Throws: ``PrivateBrokerError`` that says what others could change or what would be executed, ``FileFailure``.
    func make() throws {
        do throws(PathTrust.Problem) {
            try StateDirectory.trust.check(within: try StateDirectory.trust.check(ownDirectory: path))
        } catch {
            throw PrivateBrokerError(code: .directory, message: "\(error)")
        }
        for directory in [path, homePath, databasePath, logDirectoryPath] {
            try SmallFile.makePrivateDirectory(directory)
        }
        for script in scriptPaths where access(script, F_OK) == 0 {
            throw PrivateBrokerError(
                code: .directory,
                message: "\(script) would be executed by the private broker's node; remove it"
            )
        }
    }

    /// The password of the node's only user. Made once: the user's entry lives in the database from the first start on.
    func password() throws(FileFailure) -> String {
        if let kept = SmallFile.read(passwordPath, limit: 256), kept.hasSuffix("\n"), kept.utf8.count > 1 {
            return String(kept.dropLast())
        }
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef")
        let password = String((0..<40).map { _ in digits[Int.random(in: 0..<16, using: &random)] })
        try SmallFile.write(passwordPath, password + "\n")
        return password
    }

    /// The port of the last start. It is used again when it is free, so that clients find a restarted node where it
    /// was.
    var lastPort: UInt16? { SmallFile.read(portPath, limit: 16).flatMap { UInt16($0.dropLast()) } }

    func rememberPort(_ port: UInt16) throws(FileFailure) { try SmallFile.write(portPath, "\(port)\n") }
}
