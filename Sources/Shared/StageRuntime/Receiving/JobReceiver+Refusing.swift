internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import Queues
internal import TempFiles
internal import WorkerProtocol

/// Messages that are not taken: they are no job, or of another job than that which has their id.
extension JobReceiver {
    /// Puts a message where an operator finds it, bytes unchanged, reason beside, and tells those who wait for its job,
    /// if its id can be read. Clients of a job that goes on hear the end of that, and nothing of this message.
    ///
    /// Dead letter and update are confirmed before the message is acknowledged: a worker that dies in between leaves
    /// the message to the next one, which does both again. An update of a refusal is marked, so it is no end however
    /// often it comes.
    func refuse(_ delivery: JobDelivery, reason: MessageError) async {
        do {
            if let owner = try await owner(of: reason, in: delivery.message) {
                if try await move(delivery, to: owner, reason) { return }
            }
            try await place.publisher.publish(firstFitting: letters(delivery.message, reason), to: place.topology.dead)
            CrashPoint.deadLetterConfirmed.cross()
            let isTold = try await tell(reason)
            var facts = facts(reason, delivery.message)
            facts["update.sent"] = "\(isTold)"
            place.logger.error("a message is refused; it is among the dead letters", metadata: facts)
            place.status.update { $0.counters.rejected += 1 }
            await deliveries.acknowledge(delivery, place.logger)
        } catch {
            place.logger.error("a message that is to be refused was not settled", metadata: [LogKey.cause: "\(error)"])
            await deliveries.handBack(delivery, place.logger)
        }
    }

    /// - Returns: whether there was anything to tell, and nobody else who tells it.
    private func tell(_ reason: MessageError) async throws -> Bool {
        guard let id = reason.jobID, try await isFree(id, reason.code) else { return false }
        let update = ProgressUpdate(
            refusing: reason,
            id: id,
            kind: place.kind,
            in: place.stage,
            timestamp: place.clock.timestamp
        )
        try await place.publisher.publish(AMQPMessage(update), to: place.topology.updates)
        CrashPoint.refusalConfirmed.cross()
        return true
    }

    /// Whether clients hear nothing more of a job with this id. One whose end is being told is waited for, for a
    /// moment.
    private func isFree(_ id: ByteText, _ code: MessageError.Code) async throws -> Bool {
        // In the wrong queue, it may have been sent to the right one as well.
        let other = code == .unknownKind ? MediaKind.allCases.first { $0 != place.kind } : nil
        let job = JobKey(kind: place.kind, id: id)
        for failures in 1...Self.looksForAnEnd {
            switch try await place.books.presence(of: job, or: other, node: place.claims?.node) {
            case .none: return true
            case .live: return false
            case .ending: try await place.clock.pause(afterFailures: failures)
            }
        }
        return false
    }

    /// Together the looks take three seconds.
    private static let looksForAnEnd = 5

    /// The other host that has the job of this id; only that host's ledger tells whether the job goes on.
    private func owner(of reason: MessageError, in message: any ReceivedMessage) async throws -> String? {
        guard let claims = place.claims, let id = reason.jobID, message.queue != place.topology.work(place.stage).name
        else { return nil }
        let owner = try await place.books.claimant(of: JobKey(kind: place.kind, id: id), redrives: 0, hop: 0)
        return owner == claims.node ? nil : owner
    }

    /// - Returns: false when there is no such host.
    private func move(_ delivery: JobDelivery, to owner: String, _ reason: MessageError) async throws -> Bool {
        let queue = place.topology.work(place.stage, of: owner)
        guard try await place.publisher.publish(firstFitting: delivery.message.copies(setting: [:]), toOther: queue)
        else { return false }
        CrashPoint.moveConfirmed.cross()
        var facts = facts(reason, delivery.message)
        facts["node"] = "\(owner)"
        place.logger.info(
            "another host has the job of a message that is to be refused; it gets the message",
            metadata: facts
        )
        await deliveries.acknowledge(delivery, place.logger)
        return true
    }

    private func facts(_ reason: MessageError, _ message: any ReceivedMessage) -> Logger.Metadata {
        [
            LogKey.queueName: "\(message.queue)", LogKey.cause: "\(reason.message)",
            "failure.code": "\(reason.code.rawValue)",
            LogKey.jobID: "\(reason.jobID?.string ?? message.messageID?.description ?? "unknown")",
        ]
    }

    private func letters(_ message: any ReceivedMessage, _ reason: MessageError) -> [AMQPMessage] {
        // Whatever the message had of these before was not written by us.
        message.copies(setting: [
            "x-reason": .string(reason.message.clipped(toBytes: Self.maximumReasonBytes)),
            "x-reason-code": .string(reason.code.rawValue.clipped(toBytes: 64)),
            "x-stage": .string(place.stage.rawValue),
            "x-queue": .string(message.queue),
            "x-failed-at": .string(place.clock.timestamp),
            "x-job-id": reason.jobID.map { .string($0.string.clipped(toBytes: 512)) },
            "x-given-up-by": nil as AMQPValue?,
            "x-dropped-bytes": message.isOversized ? .int(Int64(clamping: message.bodyBytes)) : nil,
        ])
    }

    /// The limit of the reason in a dead letter's headers, which must fit in the shortest frame that a broker may ask
    /// for.
    private static let maximumReasonBytes = 1024
}
