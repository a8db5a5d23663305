internal import Glibc
internal import JobModel
internal import Logging
internal import Logs
internal import Settings
internal import TempFiles
internal import WorkerProtocol

extension PoolSupervisor {
    func perform(_ action: Pool.Action, _ name: PoolName) {
        switch action {
        case .start(let slot):
            let child = ProcessHost.ChildID.next()
            let seat = Seat(pool: name, slot: slot)
            children[seat] = child
            host.start(
                child,
                launch.request(name, worker: "\(name).\(slot)"),
                reports: .descriptor(WorkerLaunch.statusDescriptor),
                output: ChildOutput.logging(as: "\(name).\(slot)"),
                handler: forward(seat)
            )
        case .terminate(let slot):
            if let child = children[Seat(pool: name, slot: slot)] { host.signal(child, SIGTERM) }
        case .abort(let slot, let hang):
            let seat = Seat(pool: name, slot: slot)
            logger.error(
                "a worker hangs and is ended",
                metadata: [
                    LogKey.workerName: "\(name).\(slot)", LogKey.cause: "\(hang)",
                    LogKey.jobID: "\(pools[name]?.workers[slot]?.report?.job ?? "none")",
                ]
            )
            if let child = children[seat] { host.signal(child, SIGABRT) }
        case .kill(let slot): kill(Seat(pool: name, slot: slot))
        case .retry(let slot, let turn, let delay):
            after(delay) { $0.change(name) { pool in pool.retryIsDue(slot: slot, turn: turn) } }
        }
    }

    /// Events come on the host's thread, in order, and must be handled in that order: they go through a stream.
    private func forward(_ seat: Seat) -> @Sendable (ProcessHost.Event) -> Void {
        let (stream, continuation) = AsyncStream.makeStream(of: ProcessHost.Event.self)
        begin()
        events.add { for await event in stream { await self.handle(event, seat) } }
        return { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            case .started, .line: break
            }
        }
    }

    private func handle(_ event: ProcessHost.Event, _ seat: Seat) {
        let now = ContinuousClock.now
        let worker = "\(seat.pool).\(seat.slot)"
        switch event {
        case .started(let processID):
            logger.info("worker started", metadata: [LogKey.workerName: "\(worker)", LogKey.processID: "\(processID)"])
            change(seat.pool) { pool in pool.started(slot: seat.slot, processID: processID, at: now) }
            if let pool = pools[seat.pool], let turn = pool.workers[seat.slot]?.turn {
                after(pool.policy.limits.provenAfter) { $0.checkProven(seat, turn: turn) }
            }
        case .line(let line):
            guard let report = WorkerReport(line: line) else {
                logger.warning("a worker's report is unreadable", metadata: [LogKey.workerName: "\(worker)"])
                return
            }
            change(seat.pool) { pool in pool.reported(slot: seat.slot, report, at: now) }
        case .failed(let error):
            logger.error(
                "a worker could not be started",
                metadata: [
                    LogKey.workerName: "\(worker)", LogKey.cause: "\(error)",
                ]
            )
            ended(seat, nil, cause: "\(error)", at: now)
        case .ended(let exit):
            let state = pools[seat.pool]?.workers[seat.slot]
            let wasTold = state?.phase == .ending
            let cause = pools[seat.pool]?.cause(ofEndOf: seat.slot, exit.description) ?? exit.description
            var metadata: Logger.Metadata = [LogKey.workerName: "\(worker)", LogKey.cause: "\(cause)"]
            if !wasTold, let job = state?.report?.job { metadata[LogKey.jobID] = "\(job)" }
            logger.log(
                level: wasTold ? .info : .warning,
                wasTold ? "worker stopped" : "worker died",
                metadata: metadata
            )
            if let processID = state?.processID {
                onEnd(WorkerEnd(worker: WorkerLife(name: worker, processID: processID), cause: cause))
            }
            ended(seat, exit, cause: exit.description, at: now)
        }
    }

    private func ended(_ seat: Seat, _ exit: ProcessExit?, cause: String, at now: ContinuousClock.Instant) {
        children[seat] = nil
        change(seat.pool) { pool in
            pool.ended(slot: seat.slot, exit: exit, cause: cause, at: now, jitter: .random(in: 0...1))
        }
        noteStopped()
    }

    private func checkProven(_ seat: Seat, turn: Int) {
        change(seat.pool) { pool in
            pool.checkProven(slot: seat.slot, turn: turn, at: .now)
            return []
        }
    }

    /// Runs `body` later, unless the supervisor has ended by then.
    func after(_ delay: Duration, _ body: @escaping @Sendable (isolated PoolSupervisor) -> Void) {
        timers.add {
            do { try await Task.sleep(for: delay) } catch { return }
            await body(self)
        }
    }
}
