internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import Synchronization
internal import TempFiles

/// Takes one delivery through a stage: lease, manifest, work, hand-over, acknowledgement.
///
/// Whatever happens, a delivery ends in one of three ways: acknowledged after its successor was confirmed by the broker,
/// handed back to its queue, or left unacknowledged because the connection died, which hands it back as well.
struct JobRunner: Sendable {
    let stage: Stage
    let kind: MediaKind
    let settings: Settings
    let handler: any StageHandler
    let tracker: TempFileTracker
    let publisher: Publisher
    let updates: UpdatePublisher
    let status: StatusChannel
    let retryPolicy: RetryPolicy
    let node: String
    let logger: Logger

    private let troubles = FailureCount()

    /// Of a job message, manifest and outputs included.
    static let maximumTicketBytes = 8 << 20

    var topology: Topology { publisher.topology }

    func run(_ delivery: AMQPDelivery) async {
        let ticket: Ticket
        do {
            ticket = try readTicket(delivery)
        } catch {
            await bury(delivery, reason: error)
            return
        }
        var logger = logger
        logger[metadataKey: LogKey.jobID] = "\(ticket.id)"
        logger[metadataKey: LogKey.jobKind] = "\(kind.rawValue)"
        do {
            try await run(ticket, delivery, logger)
            troubles.reset()
        } catch let error as TempFileError where error.code == .cancelled {
            await handBack(delivery, logger)
        } catch is CancellationError {
            await handBack(delivery, logger)
        } catch {
            // Ledger or broker trouble outside the stage's own work. Nothing was acknowledged, so nothing is lost.
            logger.error("the job goes back to its queue", metadata: [LogKey.cause: "\(error)"])
            try? await Pause.after(failures: troubles.next())
            await handBack(delivery, logger)
        }
    }

    private func run(_ ticket: Ticket, _ delivery: AMQPDelivery, _ logger: Logger) async throws {
        switch try await tracker.acquireLease(ticket.key, timeout: .seconds(10)) {
        case .finished(let outcome):
            try await meetFinished(ticket, outcome, delivery, logger)
        case .held:
            logger.info("another worker holds the job; looking again later")
            let delay = RetryPolicy.leaseDelayMilliseconds
            try await publisher.publish(ticket, to: topology.retry(stage, delayMilliseconds: delay))
            await acknowledge(delivery, logger)
        case .acquired(let lease):
            let start: StageStart
            do {
                start = try await tracker.begin(
                    ticket.key,
                    stage: stage,
                    hop: ticket.hop,
                    mediaID: ticket.mediaID,
                    manifest: ticket.tempFiles
                )
            } catch {
                lease.release()
                throw error
            }
            switch start {
            case .finished(let outcome):
                lease.releaseRemovingEmptyDirectory()
                try await meetFinished(ticket, outcome, delivery, logger)
            case .stale(let currentHop):
                lease.releaseRemovingEmptyDirectory()
                logger.notice(
                    "a late duplicate was dropped: the job has moved on",
                    metadata: [LogKey.jobHop: "\(ticket.hop)", "job.hop.current": "\(currentHop)"]
                )
                status.update { $0.counters.duplicates += 1 }
                await acknowledge(delivery, logger)
            case .proceed(let starts, _):
                defer { lease.release() }
                do {
                    try await work(ticket, starts: starts, lease, delivery, logger)
                } catch {
                    await uncount(ticket, logger)
                    throw error
                }
            }
        }
    }

    private func work(
        _ ticket: Ticket,
        starts: Int,
        _ lease: JobLease,
        _ delivery: AMQPDelivery,
        _ logger: Logger
    ) async throws {
        let began = ContinuousClock().now
        status.update {
            $0.job = ticket.id
            $0.progress = 0
        }
        defer {
            status.update {
                $0.job = nil
                $0.progress = nil
            }
        }
        logger.info(
            "\(stage.rawValue) starts",
            metadata: [
                LogKey.jobAttempt: "\(ticket.attempt)", LogKey.jobHop: "\(ticket.hop)", "job.starts": "\(starts)",
            ]
        )
        do {
            guard starts <= settings.maximumStarts else {
                throw StageFailure(
                    .permanent,
                    code: "worker_died",
                    "the worker died \(starts - 1) times while the job was in \(stage.rawValue); look for crashes in its log"
                )
            }
            let done = try await perform(ticket, logger)
            if stage == .cleanup {
                do {
                    try await finish(done, delivery, logger)
                } catch {
                    // A retry copy would be another message, and it may be this one that the ledger lets end the job.
                    throw Interruption(cause: error)
                }
            } else {
                try await handOver(done, lease, delivery, logger)
            }
            status.update { $0.counters.completed += 1 }
            let elapsed = (ContinuousClock().now - began).milliseconds
            logger.info("\(stage.rawValue) is done", metadata: [LogKey.durationMilliseconds: "\(elapsed)"])
        } catch let error where error is CancellationError || Task.isCancelled {
            throw CancellationError()
        } catch let interruption as Interruption {
            throw interruption
        } catch {
            try await meetFailure(StageFailure(error), ticket, lease, delivery, logger)
        }
    }

    /// Ledger or broker trouble that is no failure of the stage's work: the message goes back as it is.
    private struct Interruption: Error, CustomStringConvertible {
        var cause: any Error
        var description: String { "\(cause)" }
    }

    private func perform(_ ticket: Ticket, _ logger: Logger) async throws -> Ticket {
        let telemetry = JobTelemetry(
            ticket: ticket,
            stage: stage,
            tracker: tracker,
            updates: updates,
            status: status,
            defaultInterval: settings.progressIntervalSeconds,
            logger: logger
        )
        if stage != .cleanup {
            await telemetry.announce(step: UpdateStep.started(stage, kind), fraction: 0)
        }
        let context = JobContext(ticket: ticket, stage: stage, tracker: tracker, logger: logger, telemetry: telemetry)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await telemetry.run() }
            defer { group.cancelAll() }
            return try await handler.run(context)
        }
    }

    // MARK: - Deliveries that are not worked on

    private func meetFinished(
        _ ticket: Ticket,
        _ outcome: JobOutcome,
        _ delivery: AMQPDelivery,
        _ logger: Logger
    ) async throws {
        if stage == .cleanup, let known = try await tracker.job(ticket.key), known.finishToken == finishToken(ticket) {
            // The worker died between the books and the broker: nobody heard how the job ended.
            var end = ticket
            if let record = known.record { end = (try? Ticket(parsing: record, expecting: kind)) ?? ticket }
            end.outcome = outcome
            try await announceEnd(end, delivery, logger)
            return
        }
        logger.notice(
            "a duplicate of a finished job was dropped; a new job needs a new id",
            metadata: [LogKey.jobOutcome: "\(outcome.rawValue)"]
        )
        status.update { $0.counters.duplicates += 1 }
        await acknowledge(delivery, logger)
    }

    /// Puts a message that is no job where an operator finds it, bytes unchanged, reason beside.
    private func bury(_ delivery: AMQPDelivery, reason: MessageError) async {
        var reasons: [String: AMQPValue] = [:]
        reasons["x-reason"] = .string(reason.message)
        reasons["x-reason-code"] = .string(reason.code.rawValue)
        reasons["x-stage"] = .string(stage.rawValue)
        reasons["x-queue"] = .string(delivery.queue)
        reasons["x-failed-at"] = .string(Timestamp.string(Date()))
        reasons["x-job-id"] = reason.jobID.map { .string($0) }
        var letter = AMQPMessage(
            body: delivery.body,
            messageID: delivery.messageID,
            contentType: delivery.contentType,
            headers: delivery.headers.merging(reasons) { $1 }
        )
        logger.error(
            "an unreadable message goes to the dead letters",
            metadata: [
                LogKey.queueName: "\(topology.dead.name)", LogKey.cause: "\(reason.message)",
                LogKey.jobID: "\(reason.jobID ?? delivery.messageID ?? "unknown")",
            ]
        )
        do {
            do {
                try await publisher.publish(letter, to: topology.dead)
            } catch let error as AMQPError where error.code == .invalidArgument {
                // The message's own headers leave no room for the reason.
                letter.headers = reasons
                try await publisher.publish(letter, to: topology.dead)
            }
            status.update { $0.counters.rejected += 1 }
            await acknowledge(delivery, logger)
        } catch {
            logger.error(
                "the dead letter was not published; the message stays in its queue",
                metadata: [LogKey.cause: "\(error)"]
            )
            await reject(delivery, logger)
        }
    }

    /// Moves a message of the older service's entry queue to the download queue, as a ticket.
    func forwardLegacyRequest(_ delivery: AMQPDelivery) async {
        do {
            let ticket = try readTicket(delivery)
            try await publisher.publish(ticket, to: topology.work(.download))
            await acknowledge(delivery, logger)
        } catch let error as MessageError {
            await bury(delivery, reason: error)
        } catch {
            try? await Pause.after(failures: troubles.next())
            await reject(delivery, logger)
        }
    }

    private func readTicket(_ delivery: AMQPDelivery) throws(MessageError) -> Ticket {
        if delivery.isOversized {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.bodyBytes) bytes, which is too many"
            )
        }
        // Room is left for what the stages add: the message is published again at every hand-over.
        if delivery.body.count > Self.maximumTicketBytes {
            throw MessageError(
                code: .tooLarge,
                message: "the message has \(delivery.body.count) bytes; at most \(Self.maximumTicketBytes) are accepted"
            )
        }
        return try Ticket(parsing: delivery.body, expecting: kind)
    }

    /// Takes the start back that `begin` counted: what comes back was not the death of a worker.
    private func uncount(_ ticket: Ticket, _ logger: Logger) async {
        do {
            try await tracker.handBack(ticket.key, stage: stage, hop: ticket.hop)
        } catch {
            logger.warning("the start of a handed-back job stays counted", metadata: [LogKey.cause: "\(error)"])
        }
    }

    private func handBack(_ delivery: AMQPDelivery, _ logger: Logger) async {
        logger.info("the job is handed back to its queue")
        await reject(delivery, logger)
    }

    // MARK: - Settling

    /// A failure to acknowledge loses nothing: the broker delivers again, and the ledger knows the duplicate.
    func acknowledge(_ delivery: AMQPDelivery, _ logger: Logger) async {
        do {
            try await delivery.acknowledge()
        } catch {
            logger.notice(
                "not acknowledged; the broker will deliver again",
                metadata: [LogKey.cause: "\(error.message)"]
            )
        }
    }

    private func reject(_ delivery: AMQPDelivery, _ logger: Logger) async {
        do {
            try await delivery.reject(requeue: true)
        } catch {
            logger.notice("not handed back; the broker does it itself", metadata: [LogKey.cause: "\(error.message)"])
        }
    }
}

/// Failures in a row, for the length of the next pause.
final class FailureCount: Sendable {
    private let count = Atomic(0)

    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    func reset() { count.store(0, ordering: .relaxed) }
}

extension Duration {
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
