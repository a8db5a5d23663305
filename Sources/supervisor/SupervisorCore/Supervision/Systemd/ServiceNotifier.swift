internal import CLinux
internal import JobModel
internal import Logging
internal import WorkerProtocol

/// Tells the service manager how the tree is. Does nothing where there is none.
actor ServiceNotifier {
    private let socket: NotifySocket?
    private var report = ServiceReport()
    private let logger: Logger
    private var hasFailed = false

    init(_ manager: ServiceManager, logger: Logger) {
        self.logger = logger
        guard let name = manager.socketName else {
            socket = nil
            return
        }
        do throws(FileFailure) {
            socket = try NotifySocket(name)
        } catch {
            socket = nil
            logger.warning("the service manager is told nothing", metadata: [LogKey.cause: "\(error)"])
        }
    }

    /// The loop that supervises has been round. Nothing else may call this: it is the sign of life.
    func round(_ facts: ServiceReport.Facts) { send(report.round(facts)) }

    /// The start waits for something that will end.
    func waiting(_ what: String) { send(report.waiting(what)) }

    func serving() { send(report.serving()) }

    func reloading() {
        send(report.reloading(at: clinux_monotonic_microseconds()))
    }

    func reloaded(isRefused: Bool) { send(report.reloaded(isRefused: isRefused)) }

    func stopping() { send(report.stopping()) }

    private func send(_ lines: [String]) {
        guard let socket, !lines.isEmpty else { return }
        do throws(FileFailure) {
            try socket.send(lines.joined(separator: "\n"))
            hasFailed = false
        } catch {
            if !hasFailed { logger.warning("the service manager was not told", metadata: [LogKey.cause: "\(error)"]) }
            hasFailed = true
        }
    }
}
