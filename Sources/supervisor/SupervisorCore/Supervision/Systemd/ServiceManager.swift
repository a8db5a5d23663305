internal import Glibc

/// The wishes of a service manager, such as systemd, to the process that it started (sd_notify(3),
/// sd_watchdog_enabled(3)).
struct ServiceManager: Sendable, Equatable {
    /// Where it wants to hear how we are; nil when nobody does.
    var socketName: String?
    /// Without a sign of life for so long it ends us; nil for never.
    var watchdogTimeout: Duration?

    /// - Parameter variables: the environment that this process was started with.
    init(_ variables: [String: String], processID: pid_t = getpid()) {
        socketName = variables["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        guard socketName != nil, let microseconds = variables["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0
        else { return }
        // A process in between may have been meant.
        if let meant = variables["WATCHDOG_PID"], !meant.isEmpty, pid_t(meant) != processID { return }
        watchdogTimeout = .microseconds(microseconds)
    }

    /// Between two signs of life: half the time, as systemd advises.
    var pingInterval: Duration? { watchdogTimeout.map { $0 / 2 } }
}
