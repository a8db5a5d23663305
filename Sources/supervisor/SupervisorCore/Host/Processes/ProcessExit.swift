internal import CLinux

/// How a process ended.
enum ProcessExit: Sendable, Hashable, CustomStringConvertible {
    case status(CInt)
    case signal(CInt)
    /// Somebody else reaped it.
    case unknown

    /// - Parameter waitStatus: as `waitpid(2)` fills it in.
    init(waitStatus: CInt) {
        if clinux_exited(waitStatus) != 0 {
            self = .status(clinux_exit_status(waitStatus))
        } else if clinux_signaled(waitStatus) != 0 {
            self = .signal(clinux_term_signal(waitStatus))
        } else {
            self = .unknown
        }
    }

    var description: String {
        switch self {
        case .status(let status): "exit status \(status)"
        case .signal(let signal): "signal \(signal)\(Self.names[signal].map { " (\($0))" } ?? "")"
        case .unknown: "an unknown end"
        }
    }

    /// For counting: `SIGKILL`, `exit_70`.
    var word: String {
        switch self {
        case .status(let status): "exit_\(status)"
        case .signal(let signal): Self.names[signal] ?? "signal_\(signal)"
        case .unknown: "unknown"
        }
    }

    private static let names: [CInt: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS",
    ]
}
