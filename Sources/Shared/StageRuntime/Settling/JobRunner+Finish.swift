internal import AMQP
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import TempFiles
internal import WorkerProtocol

extension JobRunner {
    /// How long the message that ended a job is waited for, before another one takes its place.
    private static let announcementPatience = Duration.seconds(20)

    /// Ends a job whose files are gone, or whose clean-up was given up: books first, then clients, who hear of files that may
    /// be left.
    ///
    /// The ledger remembers the job as finished. The terminal update, the dead letter of a failed job and the acknowledgement
    /// are one broker transaction, so a worker that dies has done all of it or none. Then the ledger remembers that the end is
    /// announced. A message that finds it finished and not announced says the same again, to the byte.
    func finish(_ ticket: Ticket, _ delivery: JobDelivery, _ logger: Logger) async throws {
        let outcome = ticket.outcome ?? .completed
        var record = ticket
        record.outcome = outcome
        if outcome != .failed { record.failure = nil }
        if outcome != .completed { record.outputs = try await publishedOutputs(ticket) }
        record.previousPhase = .cleanup
        record.phase = outcome == .completed ? .completed : .failed
        record.tempFiles = []
        let bytes = record.json.serialized()
        let end = try await tracker.end(
            ticket.key,
            outcome: outcome,
            token: finishToken(ticket),
            record: bytes,
            progress: outcome == .completed ? JobProgress(percent: 100, step: UpdateStep.completed(.cleanup)) : nil
        )
        guard let end else {
            await drop(delivery, "another message ends this job; the duplicate was dropped", [:], logger)
            return
        }
        CrashPoint.endRecorded.cross()
        try await meetEnd(end, ticket, recorded: end.record == bytes ? record : nil, delivery, logger)
    }

    /// Of the outputs of a job that did not complete those that are in the store. Their files and those of the others are gone.
    private func publishedOutputs(_ ticket: Ticket) async throws -> [JobOutput] {
        if ticket.outputs.isEmpty { return [] }
        let published = try await tracker.published(ticket.key)
        // Most often there are none, and a message may name very many.
        if published.isEmpty { return ticket.publishedOutputs }
        return ticket.outputs.compactMap { output in
            if output.location != nil { return output.published }
            guard let path = output.localPath, let file = try? tracker.file(path.string, job: ticket.key),
                let object = published[ByteText(file.absolutePath)], ByteText(object.key) == output.key
            else { return nil }
            var output = output.published
            output.location = object.location
            output.sizeBytes = object.sizeBytes
            return output
        }
    }

    /// A message whose job the ledger knows as finished: by this message or by another one.
    ///
    /// - Parameter recorded: the ticket that was recorded at the end, if it need not be read.
    func meetEnd(
        _ end: JobRecord,
        _ ticket: Ticket,
        recorded: Ticket? = nil,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        guard end.announcedAt == nil else {
            await drop(
                delivery,
                "a duplicate of a finished job was dropped; a new job needs a new id",
                [LogKey.jobOutcome: "\(end.outcome?.rawValue ?? "")"],
                logger
            )
            return
        }
        let token = finishToken(ticket)
        // The message that ended the job announces it, now or when it is delivered again. It may be gone all the same: a broker
        // that dies has delivered messages that it had not stored. Their publisher heard no confirm, and sent another one.
        if end.finishToken != token {
            guard try await tracker.takeOverEnd(end, token: token, after: Self.announcementPatience) else {
                logger.info("another message ended the job and has not announced it; looking again later")
                try await publisher.publish(ticket, to: watchQueue, type: JobDelivery.watchType)
                CrashPoint.watchParked.cross()
                await acknowledge(delivery, logger)
                return
            }
            logger.warning("the message that ended the job was lost with a broker; this one announces the end")
        }
        try await announce(end, recorded ?? finalTicket(end), as: token, delivery, logger)
    }

    /// Publishes the terminal update and acknowledges: as one, or on quorum queues one after the other. Returns when that is
    /// done, or when the broker will deliver the message again by itself.
    ///
    /// - Parameters:
    ///   - end: all that is told comes from there, so it is the same however often it is told.
    ///   - ticket: as it was recorded at the end.
    ///   - token: of this message, to which the end belongs.
    /// - Throws: `CancellationError` when the worker drains while the broker takes no messages. Nothing has happened then.
    ///   `AMQPError` with the code `unconfirmed` when the delivery is to be given back, to announce the end again.
    private func announce(
        _ end: JobRecord,
        _ ticket: Ticket,
        as token: String,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        let outcome = end.outcome ?? .completed
        var letters = letters(ticket, end)
        var failures = 0
        var isShort = false
        while true {
            if failures > 0, try await tracker.job(end.key)?.finishToken != token {
                return await drop(delivery, "another message announces the job's end", [:], logger)
            }
            do {
                try await send(letters, delivery)
                break
            } catch let error {
                failures += 1
                switch error.code {
                case .unconfirmed where !usesTransactions:
                    // The delivery may still be ours. It comes back, finds the end not announced, and announces it.
                    throw error
                case .staleDelivery, .unconfirmed, .alreadySettled, .closed:
                    logger.notice(
                        "the end of the job was not announced, or not confirmed; the broker will deliver again if not",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    return
                case .unroutableAfterCommit:
                    for letter in letters where letter.queue.name == error.queue {
                        try await publisher.publish(letter.message, to: letter.queue)
                    }
                case .unroutable:
                    // Nothing happened; the queues are made, and all of it is tried again.
                    for letter in letters {
                        try? await topology.declare(letter.queue, on: publisher.client, logger: logger)
                    }
                    try await Pause.after(failures: failures)
                    continue
                case .invalidArgument where !isShort:
                    logger.error("the job's end is announced in short", metadata: [LogKey.cause: "\(error.message)"])
                    letters = self.letters(ticket.shortened, end)
                    isShort = true
                    continue
                default:
                    // The delivery is still ours, so nobody else will announce the end.
                    logger.log(
                        level: failures == 1 ? .warning : .debug,
                        "the job's end is not announced yet, trying again until it is",
                        metadata: [LogKey.cause: "\(error.message)"]
                    )
                    try await Pause.after(failures: failures)
                    continue
                }
                break
            }
        }
        CrashPoint.endCommitted.cross()
        do {
            try await tracker.noteAnnounced(end, keeping: end.record.flatMap { ticket.kept(insteadOf: $0) })
        } catch {
            // The broker may forget an acknowledgement when it dies; only then is the end told twice.
            logger.warning("not recorded that the job's end is announced", metadata: [LogKey.cause: "\(error)"])
        }
        CrashPoint.endNoted.cross()
        if !usesTransactions { await acknowledge(delivery, logger) }
        status.update { $0.counters.end(outcome) }
        logger.info("the job ended", metadata: [LogKey.jobOutcome: "\(outcome.rawValue)"])
    }

    /// Whether what belongs together is published and acknowledged in one transaction; otherwise it is confirmed before it is
    /// acknowledged. A transaction says nothing about quorum queues: RabbitMQ answers its commit as if all was well even when a
    /// queue has refused a message of it.
    var usesTransactions: Bool { topology.layout.type == .classic }

    private func send(_ letters: [Letter], _ delivery: JobDelivery) async throws(AMQPError) {
        guard !usesTransactions else {
            return try await delivery.message.acknowledge(
                publishing: letters.map { (message: $0.message, queue: $0.queue.name) }
            )
        }
        // The update last: once it is out, little is left to do.
        for letter in letters.reversed() {
            try await publisher.client.publish(letter.message, to: letter.queue.name)
        }
    }

    private struct Letter: Sendable {
        var message: AMQPMessage
        var queue: AMQPQueue
    }

    private func letters(_ ticket: Ticket, _ end: JobRecord) -> [Letter] {
        var update = UpdatePublisher.message(terminalUpdate(ticket, end))
        // Each output has its key twice there. A broker may take no more than 16 MiB, and the end must be told.
        if update.body.count > Ticket.maximumBytes {
            update = UpdatePublisher.message(terminalUpdate(ticket.shortened, end))
        }
        let letter = Letter(message: update, queue: topology.updates)
        return end.outcome == .failed ? [letter, Letter(message: deadLetter(ticket), queue: topology.dead)] : [letter]
    }

    /// The ticket as it was recorded at the end.
    private func finalTicket(_ end: JobRecord) -> Ticket {
        let recorded = end.record.flatMap { try? Ticket(parsing: $0, expecting: kind) }
        var ticket = recorded ?? Ticket(id: end.id, mediaID: end.mediaID, kind: kind)
        ticket.outcome = end.outcome
        return ticket
    }

    /// The same at every delivery of one message, different for every publish.
    func finishToken(_ ticket: Ticket) -> String { ticket.transfer ?? "hop-\(ticket.hop)" }

    private func terminalUpdate(_ ticket: Ticket, _ end: JobRecord) -> ProgressUpdate {
        let outcome = end.outcome ?? .completed
        let status: ProgressUpdate.Status =
            switch outcome {
            case .completed: .completed
            case .failed: .failed
            case .cancelled: .cancelled
            }
        let failedStage = ticket.failure?.stage ?? .cleanup
        var update = ProgressUpdate(
            ticket: ticket,
            status: status,
            progress: outcome == .completed ? 100 : end.progress,
            currentStep: outcome == .failed ? UpdateStep.failed(failedStage) : UpdateStep.completed(.cleanup),
            stage: .cleanup,
            timestamp: Timestamp.string(end.finishedAt ?? end.updatedAt)
        )
        if end.leftFiles > 0 { update.warnings = [.filesLeft(end.leftFiles, bytes: end.leftBytes)] }
        return update
    }

    /// The whole ticket, so that the job can be run again once the cause is gone.
    private func deadLetter(_ ticket: Ticket) -> AMQPMessage {
        var letter = Publisher.message(ticket)
        // It may be sent back to download, which has to accept it.
        if letter.body.count > Ticket.maximumBytes { letter = Publisher.message(ticket.shortened) }
        letter.headers["x-reason"] = .string(ticket.failure?.message ?? "unknown")
        letter.headers["x-reason-code"] = .string(ticket.failure?.code ?? JobFailure.unknownCode)
        letter.headers["x-stage"] = .string(ticket.failure?.stage.rawValue ?? stage.rawValue)
        letter.headers["x-job-id"] = .string(ticket.id.string)
        letter.headers["x-failed-at"] = .string(ticket.failure?.occurredAt ?? "")
        return letter
    }
}
