internal import CLinux
internal import Glibc
internal import Settings
internal import Text

/// The user and the rights that this process has.
enum Privileges {
    static var isRoot: Bool { geteuid() == 0 }

    /// The risk of running as this user; nil when there is none.
    static var warning: String? {
        isRoot
            ? "running as root: a flaw in a media library would be one with all rights; set RUN_AS, or User= in the "
                + "unit"
            : nil
    }

    /// Makes this process one of `RUN_AS`'s user, with no right beyond what that user has and none to be had again.
    ///
    /// As root it does not return: the program begins anew as that user, in the same process. Only that makes every
    /// thread give up what it could do, and the process's own files in `/proc` the new user's. Call it before anything
    /// is opened.
    ///
    /// - Returns: when this is that user already, or `RUN_AS` is not set.
    /// - Throws: ``PrivilegeError``.
    static func take(_ settings: Settings) throws(PrivilegeError) {
        guard let wanted = settings.runAs else { return }
        let account = try Account(wanted)
        guard isRoot else { return try checkOwn(account, wanted) }
        try become(account, wanted)
    }

    private static func checkOwn(_ account: Account, _ wanted: RunAs) throws(PrivilegeError) {
        guard geteuid() == account.userID, getegid() == account.groupID else {
            throw PrivilegeError(
                message:
                    "RUN_AS=\(wanted): only root can become another user, and this process runs as user \(geteuid()), "
                    + "group \(getegid()); start it as root, or unset RUN_AS"
            )
        }
    }

    private static func become(_ account: Account, _ wanted: RunAs) throws(PrivilegeError) {
        // Before: afterwards the kernel keeps the environment from who this process is then, until the program begins
        // anew.
        var variables = CurrentEnvironment.all
        var failed: UnsafePointer<CChar>?
        let failure = clinux_become_user(account.userID, account.groupID, account.userName, &failed)
        guard failure == 0 else {
            // Part of it may be done already; nobody must go on like this.
            let step = failed.map { String(cString: $0) } ?? "become another user"
            throw PrivilegeError(
                message:
                    "RUN_AS=\(wanted): cannot \(step): \(systemMessage(failure)); give root the capabilities SETUID, "
                    + "SETGID and SETPCAP, or start the supervisor as \(account.owner) and unset RUN_AS"
            )
        }
        variables["HOME"] = account.home ?? "/"
        variables["USER"] = account.userName ?? "\(account.userID)"
        variables["LOGNAME"] = variables["USER"]
        // A program inherits the mask of the thread that becomes it, and threads of the cooperative pool block signals.
        var noSignal = sigset_t()
        sigemptyset(&noSignal)
        pthread_sigmask(SIG_SETMASK, &noSignal, nil)
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        execve("/proc/self/exe", &arguments, &environment)
        throw PrivilegeError(
            message: "RUN_AS=\(wanted): \(account.owner) cannot run \(OwnExecutable.path): \(systemMessage(errno)); "
                + "`chmod a+rx` it"
        )
    }
}
