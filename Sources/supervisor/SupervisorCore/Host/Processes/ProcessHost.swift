internal import CLinux
internal import Glibc
internal import Synchronization
internal import Threads

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
        case start(ChildID, SpawnRequest, Reports, Sinks)
        case signal(ChildID, CInt, Target)
        case answer(@Sendable () -> Void)
    }

    /// Where a child's reports go: the child's descriptor number.
    enum Reports: Sendable {
        case none
        case descriptor(CInt)
    }

    fileprivate struct Sinks: Sendable {
        var event: @Sendable (Event) -> Void
        var output: (@Sendable ([UInt8]) -> Void)?
    }

    private let inbox: ProcessHostInbox

    init() throws {
        let inbox = ProcessHostInbox(wakePipe: try WakePipe())
        self.inbox = inbox
        _ = try BlockingThread(named: "process-host") { ProcessHostLoop(inbox: inbox).run() }
    }

    /// Starts a program. `handler` is called on the host's thread and must not block; `.started` or `.failed` comes
    /// first.
    ///
    /// - Parameter output: called on the same thread with each line that the child writes to standard output and
    ///   standard error, unless these are its report descriptor; nil to let it share ours.
    func start(
        _ child: ChildID,
        _ request: SpawnRequest,
        reports: Reports = .none,
        output: (@Sendable ([UInt8]) -> Void)? = nil,
        handler: @escaping @Sendable (Event) -> Void
    ) {
        inbox.post(.start(child, request, reports, Sinks(event: handler, output: output)))
    }

    /// Sends a signal to a child. Does nothing when the child has ended.
    func signal(_ child: ChildID, _ signal: CInt, to target: Target = .process) {
        inbox.post(.signal(child, signal, target))
    }

    /// Returns when the host's thread has reached this order; never, when that thread hangs.
    func passThrough() async {
        await withCheckedContinuation { continuation in inbox.post(.answer { continuation.resume() }) }
    }
}

/// The orders to the host's thread.
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
        /// nil when the child reports nothing.
        var reports: LinePipe?
        /// nil when its output is ours.
        var output: LinePipe?
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
                for pipe in [child?.reports, child?.output] {
                    waiting.append(pollfd(fd: pipe?.descriptor ?? -1, events: Int16(POLLIN), revents: 0))
                }
            }
            if poll(&waiting, nfds_t(waiting.count), -1) < 0 { continue }
            for (index, id) in order.enumerated() {
                let first = 3 * index + 1
                if waiting[first + 1].revents != 0 { children[id]?.reports?.read() }
                if waiting[first + 2].revents != 0 { children[id]?.output?.read() }
                if waiting[first].revents != 0 { reap(id, in: &children) }
            }
            if waiting[0].revents != 0 {
                for command in inbox.take() { perform(command, &children) }
            }
        }
    }

    private func perform(_ command: ProcessHost.Command, _ children: inout [ProcessHost.ChildID: Child]) {
        switch command {
        case .start(let id, let request, let reports, let sinks):
            do throws(SpawnError) {
                let child = try start(request, reports, sinks)
                children[id] = child
                sinks.event(.started(child.processID))
            } catch {
                sinks.event(.failed(error))
            }
        case .signal(let id, let signal, let target):
            // The child is not reaped, so the number still means this child.
            guard let child = children[id] else { return }
            kill(target == .group ? -child.processID : child.processID, signal)
        case .answer(let body): body()
        }
    }

    private func start(
        _ request: SpawnRequest,
        _ reports: ProcessHost.Reports,
        _ sinks: ProcessHost.Sinks
    ) throws(SpawnError) -> Child {
        var request = request
        var theirEnds: [CInt] = []
        defer { for end in theirEnds { close(end) } }
        func pipe(_ sink: @escaping @Sendable ([UInt8]) -> Void) throws(SpawnError) -> LinePipe {
            var end: CInt = -1
            do throws(FileFailure) {
                let pipe = try LinePipe(writeEnd: &end, sink: sink)
                theirEnds.append(end)
                return pipe
            } catch {
                throw SpawnError(executable: request.executable, errno: error.errno)
            }
        }
        var reportPipe: LinePipe?
        var outputPipe: LinePipe?
        do throws(SpawnError) {
            if case .descriptor(let number) = reports {
                reportPipe = try pipe { sinks.event(.line($0)) }
                switch number {
                case STDOUT_FILENO: request.standardOutput = theirEnds.last
                case STDERR_FILENO: request.standardError = theirEnds.last
                default: request.descriptors[number] = theirEnds.last
                }
            }
            if let output = sinks.output {
                outputPipe = try pipe(output)
                request.standardOutput = request.standardOutput ?? theirEnds.last
                request.standardError = request.standardError ?? theirEnds.last
            }
            let processID = try request.spawn()
            return Child(
                processID: processID,
                processDescriptor: try descriptor(of: processID, request),
                reports: reportPipe,
                output: outputPipe,
                handler: sinks.event
            )
        } catch {
            reportPipe?.close()
            outputPipe?.close()
            throw error
        }
    }

    private func descriptor(of processID: pid_t, _ request: SpawnRequest) throws(SpawnError) -> CInt {
        let descriptor = clinux_pidfd_open(processID)
        guard descriptor >= 0 else {
            let failure = errno
            // Without the descriptor its end would not be noticed, and it would never be reaped.
            kill(-processID, SIGKILL)
            waitpid(processID, nil, 0)
            throw SpawnError(executable: request.executable, errno: failure)
        }
        return descriptor
    }

    private func reap(_ id: ProcessHost.ChildID, in children: inout [ProcessHost.ChildID: Child]) {
        guard var child = children.removeValue(forKey: id) else { return }
        // Until the leader is reaped, no other process or group can have its number.
        kill(-child.processID, SIGKILL)
        var status: CInt = 0
        let reaped = waitpid(child.processID, &status, 0)
        close(child.processDescriptor)
        // The pipes still hold the lines that the child wrote before it ended.
        child.reports?.end(deliversRest: false)
        child.output?.end(deliversRest: true)
        child.handler(.ended(reaped == child.processID ? ProcessExit(waitStatus: status) : .unknown))
    }
}
