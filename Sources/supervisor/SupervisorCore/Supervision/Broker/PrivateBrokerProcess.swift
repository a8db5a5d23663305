internal import Glibc
internal import JobModel
internal import Logging

/// The supervisor's side of a private broker: starts the guard process, starts it again when it dies, and stops it.
actor PrivateBrokerProcess {
    private let directory: String
    private let host: ProcessHost
    private let logger: Logger
    private var child: ProcessHost.ChildID?
    /// The write end of the guard's standard input. When it is closed the guard stops the node.
    private var guardInput: CInt = -1
    private(set) var url: String?
    private var isStopping = false
    private var policy = RestartPolicy()
    private var startedAt = ContinuousClock.now
    private var firstURL: CheckedContinuation<String, any Error>?
    private var endWaiters: [CheckedContinuation<Void, Never>] = []
    /// The events of the guard's process, and the wait for its next start. They end with ``stop()``.
    private let tasks = TaskScope()
    private var runner: Task<Void, Never>?
    private let waiting: @Sendable () async -> Void
    private let changed: @Sendable (String) async -> Void

    /// - Parameters:
    ///   - directory: absolute. The caller holds a lock that no other supervisor of this directory can have.
    ///   - waiting: called each time that the guard says that it waits for a predecessor's end.
    ///   - changed: called when a restarted node has another URL than before.
    init(
        directory: String,
        host: ProcessHost,
        logger: Logger,
        waiting: @escaping @Sendable () async -> Void = {},
        changed: @escaping @Sendable (String) async -> Void
    ) {
        self.directory = directory
        self.host = host
        self.logger = logger
        self.waiting = waiting
        self.changed = changed
    }

    /// Starts the node and returns its URL when it is usable.
    ///
    /// - Throws: ``PrivateBrokerError`` when it ends before; the guard itself has said why on standard error.
    func start() async throws -> String {
        // A request to stop can be there before this is: nothing would be launched, and nothing would end the wait.
        guard !isStopping else { throw PrivateBrokerError(code: .stopped, message: "asked to stop before the start") }
        runner = Task { [tasks] in await tasks.run() }
        return try await withCheckedThrowingContinuation { continuation in
            firstURL = continuation
            launch()
        }
    }

    /// Stops the node and returns when nothing of it is left.
    func stop() async {
        isStopping = true
        closeInput()
        if child != nil { await withCheckedContinuation { endWaiters.append($0) } }
        tasks.close()
        runner?.cancel()
        await runner?.value
    }

    private func launch() {
        guard !isStopping else { return }
        let input: PipeEnds
        do throws(FileFailure) { input = try PipeEnds.make() } catch { return ended(error.description) }
        let id = ProcessHost.ChildID.next()
        child = id
        guardInput = input.writeEnd
        startedAt = .now
        let readEnd = input.readEnd
        let (events, continuation) = AsyncStream.makeStream(of: ProcessHost.Event.self)
        tasks.add { for await event in events { await self.handle(event) } }
        host.start(
            id,
            SpawnRequest(
                executable: OwnExecutable.path,
                arguments: ["private-broker", "--directory", directory, "--takes-over"],
                environment: CurrentEnvironment.variables,
                standardInput: readEnd
            ),
            reports: .descriptor(STDOUT_FILENO),
            output: ChildOutput.logging(as: "private-broker")
        ) { event in
            switch event {
            case .started, .failed: close(readEnd)
            case .line, .ended: break
            }
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            case .started, .line: break
            }
        }
    }

    private func handle(_ event: ProcessHost.Event) async {
        switch event {
        case .started(let processID):
            logger.info(
                "private broker is starting",
                metadata: [
                    LogKey.processID: "\(processID)", LogKey.filePath: "\(directory)",
                ]
            )
        case .line(let line):
            let announced: String
            switch PrivateBrokerGuard.Report(String(decoding: line, as: UTF8.self)) {
            case .waiting(let text):
                logger.notice("the private broker of a predecessor has not ended yet: \(text)")
                return await waiting()
            case .usable(let url): announced = url
            }
            let previous = url
            url = announced
            firstURL?.resume(returning: announced)
            firstURL = nil
            logger.info("private broker is usable")
            if let previous, previous != announced { await changed(announced) }
        case .failed(let error): ended(error.description)
        case .ended(let exit): ended(exit.description)
        }
    }

    private func ended(_ cause: String) {
        child = nil
        closeInput()
        for waiter in endWaiters { waiter.resume() }
        endWaiters = []
        if let waiter = firstURL {
            firstURL = nil
            waiter.resume(
                throwing: PrivateBrokerError(
                    code: .start,
                    message: "the private broker did not start (\(cause)); it says why above"
                )
            )
            return
        }
        guard !isStopping else { return }
        let lifetime = startedAt.duration(to: .now)
        let delay = policy.died(at: .now, afterRunning: lifetime, jitter: .random(in: 0...1))
        logger.error("private broker ended; starting it again in \(delay)", metadata: [LogKey.cause: "\(cause)"])
        tasks.add {
            do { try await Task.sleep(for: delay) } catch { return }
            await self.launch()
        }
    }

    private func closeInput() {
        if guardInput >= 0 { close(guardInput) }
        guardInput = -1
    }
}
