internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import Queues
internal import TempFiles
internal import WorkerProtocol

/// The last step of a run: carries out what follows from the outcome of the work.
struct Settler: Sendable {
    let place: Workplace
    /// nil for a stage that ends no jobs.
    let ending: (any EndingStage)?

    private var deliveries: DeliverySettler { DeliverySettler(place: place) }

    private var facts: Settlement.Facts {
        let (layout, choose) = (place.topology.layout, place.process.choose)
        return Settlement.Facts(
            stage: place.stage,
            policy: place.retryPolicy,
            host: place.host,
            timestamp: place.clock.timestamp,
            delay: { choose(layout.retryDelays(ofStep: $0)) ?? $0 }
        )
    }

    /// - Throws: when the message was not settled; ``ProcessEnded`` when there is no process any more.
    func settle(_ outcome: WorkOutcome, _ run: StageRun) async throws {
        switch outcome {
        case .done(let ticket): try await conclude(ticket, run)
        case .failed(let failure): try await meet(failure, run)
        case .cancelled: try await cancel(run)
        case .leftBehind(let isCancelled): try await depart(run, isCancelled: isCancelled)
        }
    }

    /// Takes the start back that was counted at the entry, if it still is: a job that comes back is no death of a
    /// worker.
    func takeStartBack(_ run: StageRun) async {
        let ticket = run.ticket
        do {
            try await place.books.handBack(ticket.key, stage: place.stage, hop: ticket.hop, start: run.starts)
        } catch {
            run.logger.warning(
                "the start of a handed-back job stays counted",
                metadata: [LogKey.cause: "\(error)"]
            )
        }
    }

    // MARK: - Outcomes

    private func conclude(_ done: Ticket, _ run: StageRun) async throws {
        do {
            try await carryOut(.ofDone(done, facts), run)
        } catch let error where error is CancellationError || Task.isCancelled {
            throw CancellationError()
        } catch let error where !place.stage.traits.endsJobs {
            return try await meet(StageFailure(error), run)
        }
        // A stage that ends jobs sends no copy of its message instead: the ledger may let end the job this message
        // alone.
        var summary = run.telemetry.summary
        summary[LogKey.durationMilliseconds] = "\((place.clock.now - run.began).milliseconds)"
        run.logger.info("\(place.stage.rawValue) is done", metadata: summary)
    }

    /// Does as the policy says of a failed stage. A job whose message has become too long for another try fails.
    private func meet(_ failure: StageFailure, _ run: StageRun) async throws {
        do {
            try await follow(failure, run)
        } catch let error as TicketTooLong {
            try await follow(StageFailure(error), run)
        }
    }

    private func follow(_ failure: StageFailure, _ run: StageRun) async throws {
        let settlement = Settlement.ofFailure(failure, run.ticket, facts)
        let why = run.telemetry.summary.merging([
            LogKey.stageName: "\(place.stage.rawValue)", LogKey.cause: "\(failure.message)",
            "failure.code": "\(failure.code)", LogKey.jobAttempt: "\(run.ticket.attempt + 1)",
            LogKey.jobAttemptLimit: "\(place.retryPolicy.maximumAttempts)",
        ]) { $1 }
        switch settlement {
        case .retry(_, let delay):
            run.logger.warning("\(place.stage.rawValue) failed; trying again in \(delay) ms", metadata: why)
        case .waitForHost(_, let delay):
            run.logger.notice("the job waits for a host that is away; trying again in \(delay) ms", metadata: why)
            if let host = failure.host {
                place.waiting.note(run.ticket.key, for: host, until: place.clock.now + .milliseconds(delay))
            }
        case .backToDownload:
            run.logger.warning("the job goes back to download", metadata: why)
        case .fail, .endUnfinished:
            run.logger.error("the job failed in \(place.stage.rawValue)", metadata: why)
        case .waitForSpace, .waitForOtherJob, .handOver, .end, .cancel: break
        }
        try await carryOut(settlement, run, why)
    }

    private func cancel(_ run: StageRun, isLeftBehind: Bool = false) async throws {
        run.logger.notice("the job is cancelled", metadata: [LogKey.stageName: "\(place.stage.rawValue)"])
        try await carryOut(.ofCancellation(run.ticket, facts), run, isLeftBehind: isLeftBehind)
    }

    /// Settles a job whose work does not stop, and ends the process: no thread can be ended alone.
    ///
    /// The kernel drops the lease with the process, so whoever has the job next finds no file that is still being
    /// written.
    ///
    /// - Throws: ``ProcessEnded``, where the process outlives its end.
    private func depart(_ run: StageRun, isCancelled: Bool) async throws {
        run.logger.warning(
            "the work on the job does not stop, as in a library's call that takes long; its worker ends",
            metadata: [LogKey.stageName: "\(place.stage.rawValue)"]
        )
        let isDrained = Task.isCancelled
        if isCancelled, !isDrained {
            do {
                try await cancel(run, isLeftBehind: true)
            } catch {
                run.logger.warning(
                    "the job is cancelled when its message is next delivered",
                    metadata: [LogKey.cause: "\(error)"]
                )
                await takeStartBack(run)
            }
        } else {
            await takeStartBack(run)
            await deliveries.handBack(run.delivery, run.logger)
        }
        // Acknowledgements and returns may still be on their way.
        await place.publisher.transport.close()
        place.process.end(isDrained ? 0 : 75)
        throw ProcessEnded()
    }

    // MARK: - Steps

    private func carryOut(
        _ settlement: Settlement,
        _ run: StageRun,
        _ why: Logger.Metadata = [:],
        isLeftBehind: Bool = false
    ) async throws {
        let facts = SettlementStep.Facts(
            stage: place.stage,
            node: place.node,
            mayBeWatched: run.delivery.mayBeWatched,
            isLeftBehind: isLeftBehind
        )
        var manifest: [TempFileEntry]?
        for step in SettlementStep.steps(of: settlement, facts) {
            try await carryOut(step.action, run, why, &manifest)
            step.crossing?.cross()
        }
    }

    private func carryOut(
        _ action: SettlementStep.Action,
        _ run: StageRun,
        _ why: Logger.Metadata,
        _ manifest: inout [TempFileEntry]?
    ) async throws {
        let key = run.ticket.key
        switch action {
        case .announceCompletion(let ticket):
            // Before the hand-over: once the next stage has the job, this update could come after one of that stage's.
            manifest = await run.telemetry.complete(ticket)
        case .announceGoingOn: await run.telemetry.goOn()
        case .announceWaiting(let wait, let delay):
            let isNew = await run.telemetry.wait(for: wait)
            let cause = wait == .space ? "room on the disk" : "another job"
            run.logger.log(
                level: isNew ? .notice : .debug,
                "the job waits for \(cause); looking again every \(delay) ms",
                metadata: why
            )
        case .readManifest:
            if manifest == nil { manifest = try await place.files.jobTempFiles(key) }
        case .publish(var ticket, let next):
            ticket.tempFiles = manifest
            try await publish(ticket, to: next)
        case .recordRetry(let ticket):
            try await place.books.willRetry(
                key,
                stage: place.stage,
                hop: ticket.hop,
                start: run.starts,
                attempt: ticket.attempt,
                ticket: ticket.json.serialized()
            )
        case .publishRetry(var ticket, let delay):
            // Those that were fetched back are here by now.
            if run.entered.hasSpilledFiles { ticket.tempFiles = try await place.files.jobTempFiles(key) }
            try await place.publisher.publish(
                ticket,
                to: place.topology.retry(place.stage, delayMilliseconds: delay)
            )
        case .recordHandOver(let stage, let hop): try await place.books.handedOver(key, to: stage, hop: hop)
        case .releaseLease: run.lease.release()
        case .leaveLease: break
        case .acknowledge: await deliveries.acknowledge(run.delivery, run.logger)
        case .endJob(let ticket):
            var job = run.job
            job.ticket = ticket
            // JobRunner is made with a handler that fits its stage.
            guard let ending else { preconditionFailure("\(place.stage.rawValue) ends no jobs") }
            try await ending.end(EndingJob(job, place))
        case .count(let counter): count(counter, run)
        }
    }

    private func publish(_ ticket: Ticket, to next: Stage) async throws {
        do {
            try await place.publisher.publish(ticket, to: place.topology.work(next))
        } catch is TicketTooLong where next.traits.endsJobs && ticket.outcome != .completed {
            // Clean-up needs no more than the ledger has, and the end must be told.
            try await place.publisher.publish(ticket.shortened, to: place.topology.work(next))
        }
    }

    private func count(_ counter: SettlementStep.Counter, _ run: StageRun) {
        let elapsed = place.clock.now - run.began
        place.status.update {
            switch counter {
            case .completed: $0.counters.complete(after: elapsed)
            case .failed: $0.counters.failed += 1
            case .retried: $0.counters.retried += 1
            }
        }
    }
}

/// The process is over. Only a process that stands for one goes on to hear of it.
struct ProcessEnded: Error {}
