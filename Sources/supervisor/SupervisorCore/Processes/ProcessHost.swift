internal import CLinux
internal import Glibc
internal import Synchronization

/// Starts child processes, reads what they report, and notices their ends, all on one thread that lives as long as this
/// process: a child's parent-death signal comes when the *thread* that spawned it ends.
final class ProcessHost: Sendable {
    /// Names a child before it exists, so that none of its events can come too early.
    struct ChildID: Sendable, Hashable {
        private static let last = Atomic<UInt64>(0)
        private let number: UInt64

        static func next() -> ChildID {
            ChildID(number: last.wrappingAdd(1, ordering: .relaxed).newValue)
        }
    }

    enum Event: Sendable {
        case started(pid_t)
        case failed(SpawnError)
        /// A line that the child wrote to its report descriptor, without the line feed.
        case line([UInt8])
        /// The last event. All of the child's process group is gone.
        case ended(ProcessExit)
    }

    enum Target: Sendable {
        case process
        case group
    }

    fileprivate enum Command: Sendable {
        case start(ChildID, SpawnRequest, Reports, @Sendable (Event) -> Void)
        case signal(ChildID, CInt, Target)
    }

    /// Where a child's reports go: the child's descriptor number.
    enum Reports: Sendable {
        case none
        case descriptor(CInt)
    }

    private let inbox: ProcessHostInbox

    init() throws {
        let inbox = ProcessHostInbox(wakePipe: try WakePipe())
        self.inbox = inbox
        try PermanentThread.start(named: "process-host") { ProcessHostLoop(inbox: inbox).run() }
    }

    /// Starts a program. `handler` is called on the host's thread and must not block; `.started` or `.failed` comes
    /// first.
    func start(
        _ child: ChildID,
        _ request: SpawnRequest,
        reports: Reports = .none,
        handler: @escaping @Sendable (Event) -> Void
    ) {
        inbox.post(.start(child, request, reports, handler))
    }

    /// Sends a signal to a child that has not ended; to one that has, nothing.
    func signal(_ child: ChildID, _ signal: CInt, to target: Target = .process) {
        inbox.post(.signal(child, signal, target))
    }
}

/// What the host's thread is to do.
private final class ProcessHostInbox: Sendable {
    let wakePipe: WakePipe
    private let commands = Mutex<[ProcessHost.Command]>([])

    init(wakePipe: WakePipe) { self.wakePipe = wakePipe }

    func post(_ command: ProcessHost.Command) {
        commands.withLock { $0.append(command) }
        wakePipe.wake()
    }

    func take() -> [ProcessHost.Command] {
        wakePipe.drain()
        return commands.withLock { pending in
            defer { pending = [] }
            return pending
        }
    }
}

/// The host's thread.
private struct ProcessHostLoop {
    let inbox: ProcessHostInbox

    private struct Child {
        var processID: pid_t
        var processDescriptor: CInt
        /// -1 when the child reports nothing, or has closed its end.
        var reportDescriptor: CInt
        var splitter = LineSplitter()
        var handler: @Sendable (ProcessHost.Event) -> Void
    }

    /// Never returns: the thread must not end before its children.
    func run() {
        var children: [ProcessHost.ChildID: Child] = [:]
        while true {
            let order = Array(children.keys)
            var waiting = [pollfd(fd: inbox.wakePipe.readEnd, events: Int16(POLLIN), revents: 0)]
            for id in order {
                let child = children[id]
                waiting.append(pollfd(fd: child?.processDescriptor ?? -1, events: Int16(POLLIN), revents: 0))
                waiting.append(pollfd(fd: child?.reportDescriptor ?? -1, events: Int16(POLLIN), revents: 0))
            }
            if poll(&waiting, nfds_t(waiting.count), -1) < 0 { continue }
            for (index, id) in order.enumerated() {
                if waiting[2 * index + 2].revents != 0 { readReports(of: id, in: &children) }
                if waiting[2 * index + 1].revents != 0 { reap(id, in: &children) }
            }
            if waiting[0].revents != 0 {
                for command in inbox.take() { perform(command, &children) }
            }
        }
    }

    private func perform(_ command: ProcessHost.Command, _ children: inout [ProcessHost.ChildID: Child]) {
        switch command {
        case .start(let id, let request, let reports, let handler):
            do throws(SpawnError) {
                let child = try start(request, reports, handler)
                children[id] = child
                handler(.started(child.processID))
            } catch {
                handler(.failed(error))
            }
        case .signal(let id, let signal, let target):
            // Not reaped, so the number still means this child.
            guard let child = children[id] else { return }
            kill(target == .group ? -child.processID : child.processID, signal)
        }
    }

    private func start(
        _ request: SpawnRequest,
        _ reports: ProcessHost.Reports,
        _ handler: @escaping @Sendable (ProcessHost.Event) -> Void
    ) throws(SpawnError) -> Child {
        var request = request
        var ends: [CInt] = [-1, -1]
        if case .descriptor(let number) = reports {
            guard clinux_pipe(&ends) == 0 else { throw SpawnError(executable: request.executable, errno: errno) }
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            if number == STDOUT_FILENO {
                request.standardOutput = ends[1]
            } else {
                request.descriptors[number] = ends[1]
            }
        }
        defer { if ends[1] >= 0 { close(ends[1]) } }
        let processID: pid_t
        do throws(SpawnError) {
            processID = try request.spawn()
        } catch {
            if ends[0] >= 0 { close(ends[0]) }
            throw error
        }
        let descriptor = clinux_pidfd_open(processID)
        guard descriptor >= 0 else {
            let failure = errno
            // Unseen it could never be reaped.
            kill(-processID, SIGKILL)
            waitpid(processID, nil, 0)
            if ends[0] >= 0 { close(ends[0]) }
            throw SpawnError(executable: request.executable, errno: failure)
        }
        return Child(
            processID: processID,
            processDescriptor: descriptor,
            reportDescriptor: ends[0],
            handler: handler
        )
    }

    private func readReports(of id: ProcessHost.ChildID, in children: inout [ProcessHost.ChildID: Child]) {
        guard var child = children[id], child.reportDescriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(child.reportDescriptor, &buffer, buffer.count)
            if count > 0 {
                for line in child.splitter.add(buffer[..<count]) { child.handler(.line(line)) }
                continue
            }
            if count < 0, errno == EINTR { continue }
            if count == 0 || errno != EAGAIN {
                close(child.reportDescriptor)
                child.reportDescriptor = -1
            }
            break
        }
        children[id] = child
    }

    private func reap(_ id: ProcessHost.ChildID, in children: inout [ProcessHost.ChildID: Child]) {
        // What it wrote before it ended is still in the pipe.
        readReports(of: id, in: &children)
        guard let child = children.removeValue(forKey: id) else { return }
        // Before the leader is reaped its number, and so the group's, cannot be anybody else's.
        kill(-child.processID, SIGKILL)
        var status: CInt = 0
        let reaped = waitpid(child.processID, &status, 0)
        close(child.processDescriptor)
        if child.reportDescriptor >= 0 { close(child.reportDescriptor) }
        child.handler(.ended(reaped == child.processID ? ProcessExit(waitStatus: status) : .unknown))
    }
}
