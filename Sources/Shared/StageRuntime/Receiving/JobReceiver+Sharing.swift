internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import Queues
internal import TempFiles

/// Messages of queues that are not this host's own.
extension JobReceiver {
    /// Reads a message of the queue that all hosts share, and claims its job for this host, if no other host has it.
    /// Otherwise that host gets the message: only its ledger and workers have to do with the job, so a late duplicate
    /// of it is recognised.
    ///
    /// The message stays where it is until the job is handed over. If this worker dies, another host may get it, and
    /// finds in the log of claims whose it is.
    ///
    /// - Returns: nil when the job is not for this host, or not known to be. The message is settled then.
    func receive(_ delivery: JobDelivery, claimingBy claims: any JobClaims) async -> ReceivedJob? {
        guard let received = await receive(delivery) else { return nil }
        do {
            return try await claim(received, claims)
        } catch let error as TicketTooLong {
            let reason = MessageError(code: .tooLarge, message: error.description, of: received.ticket)
            await refuse(delivery, reason: reason)
        } catch {
            await putBack(delivery, after: error)
        }
        return nil
    }

    private func claim(_ received: ReceivedJob, _ claims: any JobClaims) async throws -> ReceivedJob? {
        var job = received
        let claimant = try await claims.claimant(of: received.ticket, insteadOf: nil)
        CrashPoint.claimDecided.cross()
        // Another host's files are out of reach, whatever lies at the same path here.
        if let owner = job.ticket.node, owner != claimant {
            if place.stage.traits.takesNewJobs { job.ticket = job.ticket.returning(from: place.stage) }
            job.ticket.tempFiles = nil
        }
        job.ticket.node = claimant
        if claimant == claims.node { return job }
        let facts: Logger.Metadata = [
            LogKey.jobID: "\(job.ticket.id)", LogKey.jobKind: "\(place.kind.rawValue)", "node": "\(claimant)",
        ]
        if try await place.publisher.publish(job.ticket, toOther: place.topology.work(place.stage, of: claimant)) {
            place.logger.info("another host has the job; it gets this message", metadata: facts)
            CrashPoint.moveConfirmed.cross()
            await deliveries.acknowledge(job.delivery, place.logger)
            place.troubles.reset()
            return nil
        }
        place.logger.warning("a host that has no queues has claimed the job; this one takes it over", metadata: facts)
        // The log is asked with the ticket as it was sent, whose `node` still says where the message has been.
        job.ticket.node = try await claims.claimant(of: received.ticket, insteadOf: claimant)
        CrashPoint.claimDecided.cross()
        if job.ticket.node == claims.node { return job }
        // Yet another was quicker.
        await deliveries.handBack(job.delivery, place.logger)
        return nil
    }

    /// Moves a message of the older service's entry queue to the download queue, as a ticket. In one transaction, so
    /// that it is in one of the two queues whatever happens. On quorum queues it is confirmed in the one before it
    /// leaves the other, and is in both when this process dies between the two.
    func forwardLegacyRequest(_ delivery: JobDelivery) async {
        let queue = place.topology.layout.entry(place.kind)
        do {
            let ticket = try readTicket(delivery.message)
            // Its dead letter is to have the bytes that were sent.
            let asked = StageMessage(
                stage: place.stage,
                hop: ticket.hop,
                mediaID: ticket.mediaID,
                manifest: nil,
                content: ticket.content
            )
            if try await place.books.isOther(asked, of: ticket.key) { throw Self.usedID(ticket) }
            if place.usesTransactions {
                try await place.publisher.move(delivery.message, as: ticket, to: queue)
                CrashPoint.moved.cross()
            } else {
                try await place.publisher.publish(ticket, to: queue)
                CrashPoint.moveConfirmed.cross()
                await deliveries.acknowledge(delivery, place.logger)
            }
        } catch let error as MessageError {
            await refuse(delivery, reason: error)
        } catch let error as TicketTooLong {
            await refuse(delivery, reason: MessageError(code: .tooLarge, message: error.description))
        } catch {
            await putBack(delivery, after: error)
        }
    }

    private func putBack(_ delivery: JobDelivery, after error: any Error) async {
        if !(error is CancellationError) {
            place.logger.warning("a job was not moved; it goes back to its queue", metadata: [LogKey.cause: "\(error)"])
        }
        await deliveries.handBack(delivery, place.logger)
    }
}
