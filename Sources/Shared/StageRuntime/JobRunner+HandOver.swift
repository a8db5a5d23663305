internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

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
    /// - Parameter manifest: if it was read already.
    func pass(
        _ ticket: Ticket,
        to next: Stage,
        manifest: [TempFileEntry]? = nil,
        _ lease: JobLease,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        var ticket = ticket
        ticket.attempt = 0
        ticket.hop += 1
        ticket.node = node
        ticket.tempFiles = manifest
        if manifest == nil { ticket.tempFiles = try await tracker.jobTempFiles(ticket.key) }
        try await publisher.publish(ticket, to: topology.work(next))
        CrashPoint.handOverConfirmed.cross()
        try await tracker.handedOver(ticket.key, to: next, hop: ticket.hop)
        CrashPoint.handOverRecorded.cross()
        lease.release()
        CrashPoint.leaseReleased.cross()
        await acknowledge(delivery, logger)
        CrashPoint.acknowledged.cross()
    }

    /// Has the ticket delivered to this stage again after a delay.
    private func postpone(
        _ ticket: Ticket,
        _ delayMilliseconds: Int,
        _ lease: JobLease,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        // Not a death of the worker, so it does not count as one.
        try await tracker.willRetry(
            ticket.key,
            stage: stage,
            hop: ticket.hop,
            attempt: ticket.attempt,
            ticket: ticket.json.serialized()
        )
        CrashPoint.retryRecorded.cross()
        var ticket = ticket
        // A watch ticket that is still about must not be taken for the retry.
        if delivery.mayBeWatched { ticket.hop += 1 }
        try await publisher.publish(ticket, to: topology.retry(stage, delayMilliseconds: delayMilliseconds))
        CrashPoint.retryConfirmed.cross()
        if delivery.mayBeWatched {
            try await tracker.handedOver(ticket.key, to: stage, hop: ticket.hop)
            CrashPoint.retryOvertook.cross()
        }
        lease.release()
        await acknowledge(delivery, logger)
    }

    /// Does what the policy says of a failed stage.
    func meetFailure(
        _ failure: StageFailure,
        _ ticket: Ticket,
        _ lease: JobLease,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        let decision = retryPolicy.decide(
            failure.verdict,
            attempt: ticket.attempt,
            downloads: ticket.downloads,
            stage: stage
        )
        let facts: Logger.Metadata = [
            LogKey.stageName: "\(stage.rawValue)", LogKey.cause: "\(failure.message)",
            "failure.code": "\(failure.code)",
            LogKey.jobAttempt: "\(ticket.attempt + 1)", LogKey.jobAttemptLimit: "\(retryPolicy.maximumAttempts)",
        ]
        switch decision {
        case .retry(let step):
            let delay = topology.layout.retryDelays(ofStep: step).randomElement() ?? step
            logger.warning("\(stage.rawValue) failed; trying again in \(delay) ms", metadata: facts)
            var again = ticket
            again.attempt += 1
            again.note(jobFailure(failure))
            try await postpone(again, delay, lease, delivery, logger)
            status.update { $0.counters.retried += 1 }
        case .waitForSpace(let delay):
            logger.notice("the job waits for room on the disk; looking again in \(delay) ms", metadata: facts)
            await telemetry(ticket, logger).announce(step: UpdateStep.waitingForSpace, fraction: 0)
            try await postpone(ticket, delay, lease, delivery, logger)
        case .backToDownload:
            logger.warning("the job goes back to download", metadata: facts)
            var again = ticket.returning(from: stage)
            again.downloads += 1
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
