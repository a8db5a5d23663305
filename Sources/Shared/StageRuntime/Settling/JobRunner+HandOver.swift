internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import Settings
internal import TempFiles
internal import WorkerProtocol

extension JobRunner {
    /// Gives the job to the next stage. The order keeps the promise that nothing is lost: the successor is confirmed before
    /// the ledger moves on, and acknowledged last.
    func handOver(_ done: Ticket, _ lease: JobLease, _ delivery: JobDelivery, _ logger: Logger) async throws {
        guard let next = stage.next else { return }
        var ticket = done
        // What an earlier run of the job left in a redriven ticket.
        ticket.failure = nil
        ticket.outcome = nil
        ticket.previousPhase = stage.working
        ticket.phase = next == .cleanup ? .cleanup : stage.done
        if next == .cleanup {
            ticket.previousPhase = stage.done
            ticket.outcome = .completed
        }
        // Before the hand-over: once the next stage has the job, this update could come after one of that stage's.
        let manifest = await telemetry(ticket, logger).complete(step: UpdateStep.completed(stage))
        CrashPoint.completionAnnounced.cross()
        try await pass(ticket, to: next, manifest: manifest, lease, delivery, logger)
    }

    /// Publishes the ticket to another stage's queue with the manifest as the ledger has it now.
    ///
    /// - Parameters:
    ///   - manifest: if it was read already.
    ///   - lease: let go of before the message is acknowledged; nil if it goes with the process only.
    func pass(
        _ ticket: Ticket,
        to next: Stage,
        manifest: [TempFileEntry]? = nil,
        _ lease: JobLease?,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        var ticket = ticket
        ticket.attempt = 0
        ticket.hop = Ticket.counted(ticket.hop)
        ticket.node = node
        ticket.tempFiles = manifest
        if manifest == nil { ticket.tempFiles = try await tracker.jobTempFiles(ticket.key) }
        do {
            try await publisher.publish(ticket, to: topology.work(next))
        } catch is TicketTooLong where next == .cleanup && ticket.outcome != .completed {
            // Clean-up needs no more than the books have, and the end must be told.
            try await publisher.publish(ticket.shortened, to: topology.work(next))
        }
        CrashPoint.handOverConfirmed.cross()
        try await tracker.handedOver(ticket.key, to: next, hop: ticket.hop)
        CrashPoint.handOverRecorded.cross()
        lease?.release()
        CrashPoint.leaseReleased.cross()
        await acknowledge(delivery, logger)
        CrashPoint.acknowledged.cross()
    }

    /// Has the ticket delivered to this stage again after a delay.
    private func postpone(
        _ ticket: Ticket,
        _ delayMilliseconds: Int,
        _ entered: EnteredStage,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        // Not a death of the worker, so it does not count as one. If the broker does not take the message, the job goes back to
        // its queue, and nothing is left to take back.
        try await tracker.willRetry(
            ticket.key,
            stage: stage,
            hop: ticket.hop,
            start: entered.starts,
            attempt: ticket.attempt,
            ticket: ticket.json.serialized()
        )
        CrashPoint.retryRecorded.cross()
        var ticket = ticket
        // A watch ticket that is still about must not be taken for the retry.
        if delivery.mayBeWatched { ticket.hop = Ticket.counted(ticket.hop) }
        try await publisher.publish(ticket, to: topology.retry(stage, delayMilliseconds: delayMilliseconds))
        CrashPoint.retryConfirmed.cross()
        if delivery.mayBeWatched {
            try await tracker.handedOver(ticket.key, to: stage, hop: ticket.hop)
            CrashPoint.retryOvertook.cross()
        }
        entered.lease.release()
        await acknowledge(delivery, logger)
    }

    /// Does what the policy says of a failed stage. A job whose message has become too long for another try fails.
    func meetFailure(
        _ failure: StageFailure,
        _ ticket: Ticket,
        _ telemetry: JobTelemetry,
        _ entered: EnteredStage,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        do {
            try await follow(failure, ticket, telemetry, entered, delivery, logger)
        } catch let error as TicketTooLong {
            try await follow(StageFailure(error), ticket, telemetry, entered, delivery, logger)
        }
    }

    private func follow(
        _ failure: StageFailure,
        _ ticket: Ticket,
        _ telemetry: JobTelemetry,
        _ entered: EnteredStage,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        let lease = entered.lease
        let decision = retryPolicy.decide(
            failure.verdict,
            attempt: ticket.attempt,
            downloads: ticket.downloads,
            stage: stage
        )
        let facts = telemetry.summary.merging([
            LogKey.stageName: "\(stage.rawValue)", LogKey.cause: "\(failure.message)",
            "failure.code": "\(failure.code)",
            LogKey.jobAttempt: "\(ticket.attempt + 1)", LogKey.jobAttemptLimit: "\(retryPolicy.maximumAttempts)",
        ]) { $1 }
        if case .waitForSpace = decision {} else { await telemetry.goOn() }
        switch decision {
        case .retry(let step):
            let delay = topology.layout.retryDelays(ofStep: step).randomElement() ?? step
            logger.warning("\(stage.rawValue) failed; trying again in \(delay) ms", metadata: facts)
            var again = ticket
            again.attempt = Ticket.counted(again.attempt)
            again.note(jobFailure(failure))
            try await postpone(again, delay, entered, delivery, logger)
            status.update { $0.counters.retried += 1 }
        case .waitForSpace(let delay):
            let isNew = await telemetry.waitForSpace()
            logger.log(
                level: isNew ? .notice : .debug,
                "the job waits for room on the disk; looking again every \(delay) ms",
                metadata: facts
            )
            try await postpone(ticket, delay, entered, delivery, logger)
        case .backToDownload:
            logger.warning("the job goes back to download", metadata: facts)
            var again = ticket.returning(from: stage)
            again.downloads = Ticket.counted(again.downloads)
            again.note(jobFailure(failure))
            try await pass(again, to: .download, lease, delivery, logger)
        case .fail:
            logger.error("the job failed in \(stage.rawValue)", metadata: facts)
            status.update { $0.counters.failed += 1 }
            var failed = ticket
            failed.outcome = .failed
            failed.failure = jobFailure(failure)
            if stage == .cleanup {
                // Its files stay on the books, and the supervisor goes on trying. The client still learns how the job ended,
                // and that files are left.
                failed.outcome = ticket.outcome ?? .failed
                failed.failure = ticket.failure
                try await finish(failed, delivery, logger)
            } else {
                failed.previousPhase = stage.working
                failed.phase = .cleanup
                try await pass(failed, to: .cleanup, lease, delivery, logger)
            }
        }
    }
}

extension JobRunner {
    private func jobFailure(_ failure: StageFailure) -> JobFailure {
        JobFailure(
            stage: stage,
            code: failure.code,
            message: failure.message,
            occurredAt: Timestamp.string(Date()),
            host: HostName.current
        )
    }
}
