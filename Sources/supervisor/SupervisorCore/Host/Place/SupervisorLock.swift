internal import CLinux
internal import Glibc
internal import TempFiles
internal import Threads

/// One supervisor for each workspace and state directory.
enum SupervisorLock {
    static let name = Workspace.supervisorLockName

    /// How long a supervisor that is being killed may take to let go.
    private static let dyingMilliseconds: CInt = 10_000
    /// A child that a holder was just about to start may keep the lock for so long after the holder's death.
    private static let settlingMilliseconds: CInt = 50
    private static let settlings = 40

    /// The supervisor that holds the lock in a directory now; nil when none does, or this user may not know.
    static func holder(directory: String) -> pid_t? {
        let path = directory + "/" + name
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return nil }
        defer { close(file) }
        guard clinux_is_locked_elsewhere(file) == 1 else { return nil }
        return ProcessLock.holders(path).first { ProcessTable.isRunning($0) }
    }

    /// A supervisor that lives is an error at once; the end of one that is being killed is waited for.
    ///
    /// - Throws: ``TreeError`` that names the other supervisor.
    static func take(directory: String, variable: String) async throws -> ProcessLock {
        let result = try await BlockingThread.run(named: "supervisor-lock") {
            Result { try wait(directory + "/" + name, directory, variable) }
        }
        return try result.get()
    }

    private static func wait(_ path: String, _ directory: String, _ variable: String) throws -> ProcessLock {
        for _ in 0..<settlings {
            do {
                return try ProcessLock(path)
            } catch let held as ProcessLock.Held {
                guard let holder = held.holders.first, ProcessTable.isRunning(holder) else {
                    // It is gone, or another has just come and not yet said who it is.
                    ProcessTable.pause(milliseconds: settlingMilliseconds)
                    continue
                }
                // kill(2) returns before the process has let go of anything.
                let hasEnded =
                    ProcessTable.waitForEnd(of: holder, milliseconds: settlingMilliseconds)
                    || ProcessTable.isDying(holder)
                        && ProcessTable.waitForEnd(of: holder, milliseconds: dyingMilliseconds)
                if !hasEnded { throw inUse(directory, variable, " (process \(holder))") }
            }
        }
        throw inUse(directory, variable, "")
    }

    private static func inUse(_ directory: String, _ variable: String, _ holder: String) -> TreeError {
        TreeError(
            message: "another supervisor\(holder) runs in \(directory); stop it first, or set \(variable) elsewhere"
        )
    }
}
