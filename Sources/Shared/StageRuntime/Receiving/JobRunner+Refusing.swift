internal import AMQP
internal import Claims
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import TempFiles
internal import WorkerProtocol

/// Messages that are not taken: they are no job, or of another job than that which has their id.
extension JobRunner {
    /// Puts a message where an operator finds it, bytes unchanged, reason beside, and tells those who wait for its job, if its id can
    /// be read. Of a job that goes on they hear the end, and nothing of this.
    ///
    /// Both are confirmed before the message is acknowledged, so that whoever dies in between leaves it to the next one, which does
    /// it again. An update of a refusal is marked, so it is no end however often it comes.
    func refuse(_ delivery: JobDelivery, reason: MessageError) async {
        do {
            if let owner = try await owner(of: reason, in: delivery.message) {
                if try await move(delivery, to: owner, reason) { return }
            }
            try await publisher.publish(firstFitting: letters(delivery.message, reason), to: topology.dead)
            CrashPoint.deadLetterConfirmed.cross()
            let isTold = try await tell(reason)
            var facts = facts(reason, delivery.message)
            facts["update.sent"] = "\(isTold)"
            logger.error("a message is refused; it is among the dead letters", metadata: facts)
            status.update { $0.counters.rejected += 1 }
            await acknowledge(delivery, logger)
        } catch {
            logger.error("a message that is to be refused was not settled", metadata: [LogKey.cause: "\(error)"])
            await handBack(delivery, logger)
        }
    }

    /// Why the message of a job is not taken whose id another one has.
    func usedID(_ ticket: Ticket) -> MessageError {
        MessageError(
            code: .usedID,
            message: "its id is that of a job that asks for something else; a new job needs a new id",
            of: ticket
        )
    }

    /// - Returns: whether there was anything to tell, and nobody else who tells it.
    private func tell(_ reason: MessageError) async throws -> Bool {
        guard let id = reason.jobID, try await isFree(id, reason.code) else { return false }
        let update = ProgressUpdate(
            refusing: reason,
            id: id,
            kind: kind,
            in: stage,
            timestamp: Timestamp.string(Date())
        )
        try await publisher.publish(UpdatePublisher.message(update), to: topology.updates)
        CrashPoint.refusalConfirmed.cross()
        return true
    }

    /// Whether clients hear nothing more of a job with this id. One whose end is being told is waited for, for a moment.
    private func isFree(_ id: ByteText, _ code: MessageError.Code) async throws -> Bool {
        // In the wrong queue, it may have been sent to the right one as well.
        let other = code == .unknownKind ? MediaKind.allCases.first { $0 != kind } : nil
        let job = JobKey(kind: kind, id: id)
        for failures in 1...Self.looksForAnEnd {
            switch try await tracker.presence(of: job, or: other, node: claims?.node) {
            case .none: return true
            case .live: return false
            case .ending: try await Pause.after(failures: failures)
            }
        }
        return false
    }

    /// Three seconds together.
    private static let looksForAnEnd = 5

    /// The other host that has the job of this id, in whose books it is whether the job goes on.
    private func owner(of reason: MessageError, in message: AMQPDelivery) async throws -> String? {
        guard let claims, let id = reason.jobID, message.queue != topology.work(stage).name else { return nil }
        let owner = try await tracker.claimant(of: JobKey(kind: kind, id: id), redrives: 0, hop: 0)
        return owner == claims.node ? nil : owner
    }

    /// - Returns: false when there is no such host.
    private func move(_ delivery: JobDelivery, to owner: String, _ reason: MessageError) async throws -> Bool {
        let queue = topology.work(stage, of: owner)
        guard try await publisher.publish(firstFitting: delivery.message.copies(), toOther: queue) else { return false }
        CrashPoint.moveConfirmed.cross()
        var facts = facts(reason, delivery.message)
        facts["node"] = "\(owner)"
        logger.info("another host has the job of a message that is to be refused; it gets the message", metadata: facts)
        await acknowledge(delivery, logger)
        return true
    }

    private func facts(_ reason: MessageError, _ message: AMQPDelivery) -> Logger.Metadata {
        [
            LogKey.queueName: "\(message.queue)", LogKey.cause: "\(reason.message)",
            "failure.code": "\(reason.code.rawValue)",
            LogKey.jobID: "\(reason.jobID?.string ?? message.messageID?.description ?? "unknown")",
        ]
    }

    private func letters(_ message: AMQPDelivery, _ reason: MessageError) -> [AMQPMessage] {
        // Whatever of these the message came with was not said by us.
        message.copies(setting: [
            "x-reason": .string(reason.message.clipped(toBytes: Self.maximumReasonBytes)),
            "x-reason-code": .string(reason.code.rawValue.clipped(toBytes: 64)),
            "x-stage": .string(stage.rawValue),
            "x-queue": .string(message.queue),
            "x-failed-at": .string(Timestamp.string(Date())),
            "x-job-id": reason.jobID.map { .string($0.string.clipped(toBytes: 512)) },
            "x-given-up-by": nil as AMQPValue?,
            "x-dropped-bytes": message.isOversized ? .int(Int64(clamping: message.bodyBytes)) : nil,
        ])
    }

    /// Of the reason in a letter's headers, which must fit in the shortest frame that a broker may ask for.
    private static let maximumReasonBytes = 1024
}
