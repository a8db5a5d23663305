internal import AMQP
internal import Claims
internal import CrashPoints
internal import JobModel
internal import Logging
internal import TempFiles

extension JobRunner {
    /// Works on a job from the queue that all hosts share, if no other host has it. Otherwise that host gets the message: only its
    /// ledger and workers have to do with the job, so a late duplicate of it is recognised.
    ///
    /// The message stays where it is until the job is handed over. If this worker dies, another host may get it, and finds in the
    /// log of claims whose it is.
    ///
    /// - Parameter intake: where it came from. No more comes from there before this message is settled.
    func take(_ delivery: AMQPDelivery, through intake: JobIntake, by claims: ClaimsLog) async {
        let message = JobDelivery(delivery, intake: intake, isShared: true)
        var ticket: Ticket
        do {
            ticket = received(try readTicket(delivery), from: delivery)
        } catch {
            return await refuse(message, reason: error)
        }
        do {
            let claimant = try await claims.claimant(of: ticket)
            CrashPoint.claimDecided.cross()
            let trusted = ticket
            // Another host's files are out of reach, whatever lies at the same path here.
            if let owner = ticket.node, owner != claimant {
                if stage == .download { ticket = ticket.returning(from: stage) }
                ticket.tempFiles = nil
            }
            ticket.node = claimant
            if claimant == claims.node { return await run(ticket, message) }
            let facts: Logger.Metadata = [
                LogKey.jobID: "\(ticket.id)", LogKey.jobKind: "\(kind.rawValue)", "node": "\(claimant)",
            ]
            if try await publisher.publish(ticket, toOther: topology.work(stage, of: claimant)) {
                logger.info("another host has the job; it gets this message", metadata: facts)
                CrashPoint.moveConfirmed.cross()
                await acknowledge(message, logger)
                return troubles.reset()
            }
            logger.warning("a host that has no queues has claimed the job; this one takes it over", metadata: facts)
            ticket.node = try await claims.claimant(of: trusted, insteadOf: claimant)
            CrashPoint.claimDecided.cross()
            if ticket.node == claims.node { return await run(ticket, message) }
            // Yet another was quicker.
            await handBack(message, logger)
        } catch let error as TicketTooLong {
            await refuse(message, reason: MessageError(code: .tooLarge, message: error.description, of: ticket))
        } catch {
            await putBack(message, after: error)
        }
    }

    /// Moves a message of the older service's entry queue to the download queue, as a ticket. In one transaction, so that it is in
    /// one of the two queues whatever happens. On quorum queues it is confirmed in the one before it leaves the other, and is in
    /// both when this process dies between the two.
    func forwardLegacyRequest(_ delivery: JobDelivery) async {
        let queue = topology.layout.entry(kind)
        do {
            let ticket = try readTicket(delivery.message)
            // Its letter is to have the bytes that were sent.
            let asked = StageMessage(
                stage: stage,
                hop: ticket.hop,
                mediaID: ticket.mediaID,
                manifest: nil,
                content: ticket.content
            )
            if try await tracker.isOther(asked, of: ticket.key) { throw usedID(ticket) }
            if usesTransactions {
                try await publisher.move(delivery.message, as: ticket, to: queue)
                CrashPoint.moved.cross()
            } else {
                try await publisher.publish(ticket, to: queue)
                CrashPoint.moveConfirmed.cross()
                await acknowledge(delivery, logger)
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
            logger.warning("a job was not moved; it goes back to its queue", metadata: [LogKey.cause: "\(error)"])
        }
        await handBack(delivery, logger)
    }

    /// Waits until this worker has nothing to do, and none of the jobs that this host has claimed waits for another or for space: no
    /// host takes more than it can do.
    func waitForRoom(_ turn: WorkTurn, for intake: JobIntake) async {
        let start = ContinuousClock.now
        while !Task.isCancelled, !intake.isStopped {
            await turn.wait()
            if await hasRoom() { return }
            // The broker does not tell when a queue is empty. What has taken long may be known a tenth later.
            let waited = ContinuousClock.now - start
            try? await Task.sleep(for: min(max(waited / 10, .milliseconds(100)), .seconds(2)))
        }
    }

    /// Whether this host can take another job. A broker that is away has nothing to claim either.
    func hasRoom() async -> Bool {
        guard let claims, claims.isReady else { return false }
        // What is given up before any host could take it is ended at once.
        guard stage == .download else { return true }
        // A ledger that cannot be read says nothing good of the disk either.
        guard let isShort = try? await tracker.isShortOfSpace(for: kind), !isShort else { return false }
        for (stage, limit) in [(Stage.download, 1), (.process, Self.backlog(kind)), (.upload, Self.backlog(kind))] {
            guard let waiting = try? await publisher.client.messageCount(queue: topology.work(stage).name) else {
                continue
            }
            if waiting >= limit { return false }
        }
        return true
    }

    /// So many jobs that wait for a later stage keep its workers from having nothing to do. A picture is done in a moment.
    private static func backlog(_ kind: MediaKind) -> Int { kind == .video ? 1 : 8 }
}

/// Lets one task work at a time.
actor WorkTurn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs `body`, unless somebody works.
    ///
    /// - Returns: whether it ran.
    func takeIfFree(_ body: @Sendable () async -> Void) async -> Bool {
        if isTaken { return false }
        isTaken = true
        await body()
        isTaken = false
        for waiter in waiting { waiter.resume() }
        waiting = []
        return true
    }

    /// Returns when nobody works.
    func wait() async {
        while isTaken { await withCheckedContinuation { waiting.append($0) } }
    }
}
