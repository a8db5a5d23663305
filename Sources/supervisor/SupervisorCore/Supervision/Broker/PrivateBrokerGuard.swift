internal import CLinux
internal import Glibc
internal import Threads

/// Runs a private RabbitMQ node, and takes it down when asked to or when its own parent is gone.
///
/// The node and its epmd are children bound to this process (``BoundExec``), and this process is the subreaper of
/// all processes that they start, so nothing of them is left behind, however it ends.
struct PrivateBrokerGuard: Sendable {
    var directory: BrokerDirectory
    /// Wakes the guard to make it stop; a second time to stop at once.
    var stopSignal: WakePipe
    /// Whether a process that still uses the directory was left behind by a dead supervisor, and will end.
    var takesOver = false
    /// How long that end is waited for.
    var patience = Duration.seconds(predecessorSeconds)

    /// The lines that it writes to standard output.
    enum Report: Sendable, Equatable {
        /// The node's URL.
        case usable(String)
        /// It waits for the end of these processes, for so long at most.
        case waiting(String)

        private static let waits = "waiting for "

        init(_ line: String) { self = line.hasPrefix(Self.waits) ? .waiting(line) : .usable(line) }

        var line: String {
            switch self {
            case .usable(let url): url
            case .waiting(let text): text
            }
        }

        static func waiting(forEndOf processes: [pid_t], seconds: Int64, of patience: Int64) -> Report {
            .waiting("\(waits)\(text(processes)) to end, for \(seconds) of \(patience) seconds so far")
        }

        static func text(_ processes: [pid_t]) -> String {
            processes.isEmpty
                ? "its last helpers"
                : (processes.count == 1 ? "process " : "processes ")
                    + processes.map(String.init).joined(separator: ", ")
        }
    }

    /// A node that has to set up its database on a busy machine takes a while.
    static let startSeconds = 120.0
    static let stopSeconds = 20.0
    /// A predecessor's guard notices the end of its supervisor and is gone ``stopSeconds`` later at the latest, unless
    /// it was stopped (SIGSTOP) or its disk hangs. A node whose guard was killed dies with it.
    static let predecessorSeconds = 60.0
    /// Between two words about a wait.
    private static let noticeInterval = Duration.seconds(5)

    /// Blocks until the node is down again. Calls `announce` with what it waits for, and when the node is usable.
    ///
    /// - Returns: whether it ended because it was asked to.
    func run(announce: (Report) -> Void) throws -> Bool {
        for program in [BrokerNode.server, BrokerNode.epmd] where access(program, X_OK) != 0 {
            throw PrivateBrokerError(
                code: .notInstalled,
                message:
                    "\(program) is missing: install the package rabbitmq-server, or set RABBITMQ_URL to another broker"
            )
        }
        _ = clinux_become_subreaper()
        // The kernel reaps the children, adopted ones among them; their ends are seen through pidfds.
        signal(SIGCHLD, SIG_IGN)
        // The node's files are for nobody else, whatever umask the tree was started with.
        umask(0o077)
        try directory.make()
        let lock = try takeLock(announce)
        defer { ProcessTable.killAllChildren() }
        let password = try directory.password()
        // A port that was free when chosen may be taken by the time the node opens it.
        for remaining in [2, 1, 0] {
            let node = BrokerNode(directory: directory, ports: try choosePorts(), password: password)
            do {
                let descriptor = try start(node, lock)
                try directory.rememberPort(node.ports.amqp)
                announce(.usable(node.url))
                return try watch(descriptor)
            } catch let error as PrivateBrokerError where error.code == .start && remaining > 0 {
                ProcessTable.killAllChildren()
                if node.ports.all.allSatisfy(LoopbackPort.isFree) { throw error }
            }
        }
        return false
    }

    // MARK: - Start

    private func takeLock(_ announce: (Report) -> Void) throws -> ProcessLock {
        let began = ContinuousClock.now
        let deadline = began + patience
        var nextNotice = began
        while true {
            do {
                return try ProcessLock(directory.lockPath)
            } catch let held as ProcessLock.Held {
                // A node whose guard lives is in use, unless nobody is left who could use it. A node without its guard
                // dies.
                let isInUse = !takesOver && held.holders.first.map(ProcessTable.isRunning) == true
                let now = ContinuousClock.now
                let running = held.holders.filter(ProcessTable.isRunning)
                if isInUse || now >= deadline { throw refusal(running, isInUse: isInUse) }
                if now >= nextNotice {
                    announce(
                        .waiting(
                            forEndOf: running,
                            seconds: began.duration(to: now).components.seconds,
                            of: patience.components.seconds
                        )
                    )
                    nextNotice += Self.noticeInterval
                }
                try waitForEnd(of: running, until: min(nextNotice, deadline))
            }
        }
    }

    private func refusal(_ processes: [pid_t], isInUse: Bool) -> PrivateBrokerError {
        let numbers = processes.map(String.init)
        return PrivateBrokerError(
            code: .inUse,
            message: isInUse
                ? "another private broker uses \(directory.path) (process \(numbers.joined(separator: ", "))); stop "
                    + "it first"
                : "the private broker that a dead supervisor has left in \(directory.path) has not ended within "
                    + "\(patience.components.seconds) seconds: \(Report.text(processes)); end it with "
                    + "`kill -9 \(numbers.joined(separator: " "))`, which loses no message, and start again"
        )
    }

    /// Returns when one of the lock's holders has ended, and at the time at the latest.
    private func waitForEnd(of processes: [pid_t], until time: ContinuousClock.Instant) throws(PrivateBrokerError) {
        let descriptors = processes.map { clinux_pidfd_open($0) }.filter { $0 >= 0 }
        defer { for descriptor in descriptors { close(descriptor) } }
        let left = ContinuousClock.now.duration(to: time) / .milliseconds(1)
        // Without them only a helper that still closes its descriptors can hold the lock, and its end has no
        // event.
        let milliseconds = CInt(clamping: Int64(descriptors.isEmpty ? 100 : max(1, left.rounded(.up))))
        if wait(for: descriptors, milliseconds: milliseconds) == .stop {
            throw PrivateBrokerError(
                code: .stopped,
                message: "asked to stop while a predecessor's private broker was ending"
            )
        }
    }

    private func choosePorts() throws(PrivateBrokerError) -> BrokerNode.Ports {
        let last = directory.lastPort.flatMap { LoopbackPort.isFree($0) ? $0 : nil }
        let ports = BrokerNode.Ports(
            amqp: last ?? LoopbackPort.free(),
            distribution: LoopbackPort.free(),
            epmd: LoopbackPort.free()
        )
        guard Set(ports.all).count == 3, !ports.all.contains(0) else {
            throw PrivateBrokerError(code: .start, message: "there is no free TCP port on 127.0.0.1")
        }
        return ports
    }

    /// - Returns: the node's pidfd.
    private func start(_ node: BrokerNode, _ lock: ProcessLock) throws -> CInt {
        try SmallFile.write(directory.configurationPath, node.configuration)
        try SmallFile.write(directory.pluginsPath, "[].\n")
        let output = open(directory.outputPath, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard output >= 0 else { throw FileFailure(operation: "open", path: directory.outputPath, errno: errno) }
        defer { close(output) }
        var request = SpawnRequest(
            executable: OwnExecutable.path,
            arguments: BoundExec.arguments(running: BrokerNode.epmd, node.epmdArguments),
            environment: node.environment,
            workingDirectory: node.workingDirectory,
            standardOutput: output,
            standardError: output
        )
        _ = try request.spawn()
        try waitUntilUsable("epmd", seconds: 10, processDescriptor: nil) { LoopbackPort.accepts(node.ports.epmd) }
        request.arguments = BoundExec.arguments(running: BrokerNode.server, [])
        // The node shares the lock, so that it outlives a guard that was killed for as long as the node does.
        request.descriptors = [9: lock.descriptor]
        let processID = try request.spawn()
        lock.note([getpid(), processID])
        let descriptor = clinux_pidfd_open(processID)
        guard descriptor >= 0 else { throw SpawnError(executable: BrokerNode.server, errno: errno) }
        do {
            try waitUntilUsable("the node", seconds: Self.startSeconds, processDescriptor: descriptor) {
                LoopbackPort.speaksAMQP(node.ports.amqp)
            }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Tries until `isUsable`. There is no event for a port that another process opens, so it is tried again and
    /// again; the process's end and a request to stop are noticed at once.
    private func waitUntilUsable(
        _ name: String,
        seconds: Double,
        processDescriptor: CInt?,
        _ isUsable: () -> Bool
    ) throws(PrivateBrokerError) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !isUsable() {
            switch wait(for: [processDescriptor ?? -1], milliseconds: 100) {
            case .stop:
                throw PrivateBrokerError(code: .stopped, message: "asked to stop before the private broker was usable")
            case .ended:
                throw PrivateBrokerError(
                    code: .start,
                    message: "the private broker ended while it started" + lastWords()
                )
            case .timeout:
                guard ContinuousClock.now > deadline else { continue }
                throw PrivateBrokerError(
                    code: .start,
                    message: "\(name) of the private broker was not usable after \(Int(seconds)) seconds" + lastWords()
                )
            }
        }
    }

    private func lastWords() -> String {
        let lines =
            SmallFile.lastLines(directory.outputPath, count: 12)
            + SmallFile.lastLines(directory.logDirectoryPath + "/node.log", count: 12)
        guard !lines.isEmpty else { return "; it said nothing (logs are in \(directory.logDirectoryPath))" }
        return "; its last words (logs are in \(directory.logDirectoryPath)):\n  " + lines.joined(separator: "\n  ")
    }

    // MARK: - Watch and stop

    private func watch(_ node: CInt) throws(PrivateBrokerError) -> Bool {
        defer { close(node) }
        switch wait(for: [node], milliseconds: -1) {
        case .ended, .timeout:
            throw PrivateBrokerError(code: .start, message: "the private broker ended by itself" + lastWords())
        case .stop:
            _ = clinux_pidfd_send_signal(node, SIGTERM)
            // Standard input stays at its end from now on, so only a second signal is waited for.
            var waiting = [
                pollfd(fd: node, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopSignal.readEnd, events: Int16(POLLIN), revents: 0),
            ]
            _ = Self.poll(&waiting, milliseconds: CInt(Self.stopSeconds * 1000))
            return true
        }
    }

    private enum Event {
        case stop
        case ended
        case timeout
    }

    /// Waits for a request to stop (the end of standard input, or a signal), or the end of one of the processes.
    private func wait(for processDescriptors: [CInt], milliseconds: CInt) -> Event {
        while true {
            var waiting = ([stopSignal.readEnd, STDIN_FILENO] + processDescriptors).map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            if Self.poll(&waiting, milliseconds: milliseconds) == 0 { return .timeout }
            if waiting[0].revents != 0 {
                stopSignal.drain()
                return .stop
            }
            if waiting[2...].contains(where: { $0.revents != 0 }) { return .ended }
            if waiting[1].revents != 0 {
                var byte: UInt8 = 0
                // Text that somebody types is of no interest.
                if read(STDIN_FILENO, &byte, 1) <= 0 { return .stop }
            }
        }
    }

    private static func poll(_ descriptors: inout [pollfd], milliseconds: CInt) -> CInt {
        while true {
            let ready = Glibc.poll(&descriptors, nfds_t(descriptors.count), milliseconds)
            if ready >= 0 || errno != EINTR { return max(0, ready) }
        }
    }
}
