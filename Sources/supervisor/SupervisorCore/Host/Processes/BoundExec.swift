internal import CLinux
internal import Glibc
internal import Text

/// Binds the life of a foreign program to the process that starts it.
///
/// `posix_spawn` cannot set a parent-death signal. So the supervisor's executable is started instead, sets it, and
/// becomes the program: the kernel keeps the setting over `execve`.
enum BoundExec {
    static let subcommand = "bound-exec"

    /// The arguments of our executable that run `executable` bound to this process. It is killed when the spawning
    /// thread ends.
    static func arguments(running executable: String, _ arguments: [String]) -> [String] {
        [subcommand, "\(getpid())", executable] + arguments
    }

    /// Becomes the program. Returns, with an exit status, only when that failed.
    static func run(_ arguments: [String]) -> CInt {
        guard arguments.count >= 2, let parent = pid_t(arguments[0]) else {
            return fail("usage: \(subcommand) PARENT-ID PROGRAM [ARGUMENT...]", 64)
        }
        guard clinux_set_parent_death_signal(SIGKILL) == 0 else {
            return fail("cannot set the parent-death signal: \(systemMessage(errno))", 71)
        }
        // It may have ended before the signal was set.
        guard getppid() == parent else { return 0 }
        // A program inherits the mask of the thread that becomes it, and threads of the cooperative pool block SIGTERM.
        var noSignal = sigset_t()
        sigemptyset(&noSignal)
        pthread_sigmask(SIG_SETMASK, &noSignal, nil)
        var pointers = arguments.dropFirst().map { strdup($0) } + [nil]
        execv(arguments[1], &pointers)
        return fail("cannot start \(arguments[1]): \(systemMessage(errno))", 127)
    }

    private static func fail(_ message: String, _ status: CInt) -> CInt {
        StandardStreams.writeError(message)
        return status
    }
}
