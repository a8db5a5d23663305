internal import TempFiles

/// One supervisor for each workspace and state directory.
enum SupervisorLock {
    static let name = Workspace.supervisorLockName

    /// - Throws: ``TreeError`` that names the other supervisor.
    static func take(directory: String, variable: String) throws -> ProcessLock {
        do {
            return try ProcessLock(directory + "/" + name)
        } catch let held as ProcessLock.Held {
            let holder = held.holders.first.map { " (process \($0))" } ?? ""
            throw TreeError(
                message: "another supervisor\(holder) runs in \(directory); stop it first, or set \(variable) elsewhere"
            )
        }
    }
}
