internal import AMQP
internal import Claims
internal import JobModel
internal import Logging
internal import Queues
internal import Settings
internal import WorkerProtocol

/// Consumes the worker's queue, one job at a time, until it is asked to stop.
struct WorkerLoop: Sendable {
    /// How long a worker whose supervisor is gone may go on, whatever the drain time.
    static let orphanDrainTime = Duration.seconds(5)

    /// The further time of an orphan to hand its job back. Nobody is there to kill it.
    static let orphanGraceTime = Duration.seconds(3)

    let runner: JobRunner
    /// nil when there is no other host.
    let claims: ClaimsLog?
    let logger: Logger

    private var place: Workplace { runner.place }
    private var transport: any MessageTransport { place.publisher.transport }
    private var status: StatusChannel { place.status }
    private var room: HostRoom { HostRoom(place: place) }

    /// Returns when the worker has drained: its job is done, or handed back after `drainTime`.
    func run(stop: AsyncStream<StopRequest>, drainTime: Duration) async throws {
        status.beat()
        try transport.start()
        let intakes = try subscribe()
        await withTaskGroup(of: Void.self) { background in
            background.addTask { await beat() }
            background.addTask { await status.sendDelayed() }
            background.addTask { await followConnection() }
            background.addTask { await followAlarms() }
            background.addTask { await claims?.follow() }
            let work = Task(executorPreference: place.process.executor) { await consume(intakes) }
            for await request in stop {
                let isOrphan = request == .supervisorGone || ParentWatch.isOrphan
                let patience = isOrphan ? min(drainTime, Self.orphanDrainTime) : drainTime
                if isOrphan { ParentWatch.exit(after: patience + Self.orphanGraceTime) }
                logger.info("draining", metadata: ["reason": "\(request)", "drain.ms": "\(patience.milliseconds)"])
                status.update { $0.state = .draining }
                for intake in intakes.all { await intake.stop() }
                await wait(for: work, atMost: patience, hastenedBy: stop, isOrphan: isOrphan)
                break
            }
            background.cancelAll()
        }
        status.beat()
        await transport.close()
    }

    private struct Intakes: Sendable {
        let jobs: JobIntake
        /// The intake from a shared queue, besides this host's own.
        let shared: JobIntake?
        /// The older service's entry queue, whose messages are moved to the download queue.
        let legacy: JobIntake?

        var all: [JobIntake] { [jobs] + [shared, legacy].compactMap(\.self) }
    }

    private func subscribe() throws(AMQPError) -> Intakes {
        let (topology, traits) = (place.topology, place.stage.traits)
        // A message is acknowledged together with publishing where the job ends, and where it moves to another queue.
        let isEndTransactional = traits.endsJobs && place.usesTransactions
        return Intakes(
            jobs: try JobIntake(transport, topology.work(place.stage), transactional: isEndTransactional),
            shared: try topology.shared(place.stage).map { queue throws(AMQPError) in
                try JobIntake(transport, queue, transactional: isEndTransactional, isPaused: true)
            },
            legacy: traits.takesNewJobs
                ? try JobIntake(transport, topology.legacyRequests, transactional: place.usesTransactions) : nil
        )
    }

    /// Ends when the consumers are stopped and the job at hand is settled.
    private func consume(_ intakes: Intakes) async {
        let turn = WorkTurn()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await consume(intakes.jobs, beside: intakes.shared, turn) }
            if let shared = intakes.shared, let claims {
                group.addTask { await consume(shared, by: claims, turn) }
            }
            if let legacy = intakes.legacy {
                group.addTask { await legacy.run { await runner.receiver.forwardLegacyRequest(JobDelivery($0)) } }
            }
        }
    }

    /// - Parameter shared: given up while there is work: a busy host takes nothing new.
    private func consume(_ jobs: JobIntake, beside shared: JobIntake?, _ turn: WorkTurn) async {
        await jobs.run(
            whenever: { await turn.wait() },
            { delivery in
                let isTaken = await turn.takeIfFree {
                    await shared?.pause()
                    await runner.run(JobDelivery(delivery, intake: jobs))
                }
                if !isTaken { await leave(delivery, to: jobs) }
            }
        )
    }

    private func consume(_ shared: JobIntake, by claims: ClaimsLog, _ turn: WorkTurn) async {
        await shared.run(
            whenever: { await room.wait(turn, for: shared) },
            { delivery in
                var isTaken = false
                // Since the queue was subscribed to, another worker may have got work for all.
                if await room.isThere() {
                    isTaken = await turn.takeIfFree { await runner.run(delivery, through: shared, claimingBy: claims) }
                }
                if !isTaken { await leave(delivery, to: shared) }
            }
        )
    }

    /// Gives back what came while another job is worked on, for somebody with time. Nothing more comes before that is
    /// done.
    private func leave(_ message: any ReceivedMessage, to intake: JobIntake) async {
        await intake.pause()
        await runner.deliveries.leave(JobDelivery(message), logger)
    }

    /// Waits for the work's own end; after `patience`, or at a second request to stop, cancels it and waits for that.
    private func wait(
        for work: Task<Void, Never>,
        atMost patience: Duration,
        hastenedBy stop: AsyncStream<StopRequest>,
        isOrphan: Bool
    ) async {
        await withTaskGroup(of: Void.self) { race in
            race.addTask { await work.value }
            race.addTask {
                // Only cancellation ends it early, and then nobody waits for it.
                try? await place.clock.sleep(for: patience)
            }
            race.addTask { await hastening(stop, isOrphan: isOrphan) }
            await race.next()
            work.cancel()
            race.cancelAll()
        }
        await work.value
    }

    /// Returns when the end of the work cannot be waited for as long as was granted at first.
    private func hastening(_ stop: AsyncStream<StopRequest>, isOrphan: Bool) async {
        // The supervisor's death sends a signal and closes the lifeline, in any order; an orphan hears nothing new.
        for await request in stop where !isOrphan {
            guard request == .supervisorGone || ParentWatch.isOrphan else { return }
            // The signal came while the dying supervisor still was the parent.
            ParentWatch.exit(after: Self.orphanDrainTime + Self.orphanGraceTime)
            let patience = Self.orphanDrainTime
            logger.info("draining sooner: the supervisor is gone", metadata: ["drain.ms": "\(patience.milliseconds)"])
            try? await place.clock.sleep(for: Self.orphanDrainTime)
            return
        }
    }

    private func beat() async {
        while !Task.isCancelled {
            // A host may be asked again, and the jobs that waited for it have gone elsewhere.
            runner.tellOfHosts()
            status.beat()
            try? await place.clock.sleep(for: place.settings.reportInterval)
        }
    }

    /// Tells the supervisor while the broker takes no messages. The broker tells publishers alone, and the supervisor
    /// is none.
    private func followAlarms() async {
        for await state in transport.states {
            if Task.isCancelled { return }
            let reason: String? = if case .blocked(let reason) = state { reason } else { nil }
            status.update { $0.brokerAlarm = reason }
        }
    }

    /// Declares the queues at every new connection, and tells the supervisor about readiness.
    private func followConnection() async {
        for await state in transport.states {
            if Task.isCancelled { return }
            guard state.isConnected else {
                claims?.noteConnectionLost()
                status.update { if $0.state == .ready { $0.state = .disconnected } }
                continue
            }
            var lastProblem: AMQPError?
            for failures in 1... {
                do {
                    try await place.topology.declareAll(of: place.stage, on: transport, logger: logger)
                    try await claims?.prepare()
                    status.update { if $0.state != .draining { $0.state = .ready } }
                    break
                } catch {
                    logger.log(
                        level: error == lastProblem ? .debug : .warning,
                        "the queues were not declared, trying again by itself",
                        metadata: [LogKey.cause: "\(error.message)", LogKey.queueName: "\(error.queue ?? "")"]
                    )
                    lastProblem = error
                }
                guard transport.state.isConnected, (try? await place.clock.pause(afterFailures: failures)) != nil else {
                    break
                }
            }
        }
    }
}
