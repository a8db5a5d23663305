internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import ServiceKit

extension JobRunner {
    /// Moves a job from the queue that all hosts share to this host's own. From then on only this host's ledger and workers
    /// have to do with it, so every late duplicate of it is recognised.
    func claim(_ delivery: JobDelivery, through intake: JobIntake) async {
        await move(delivery, to: topology.work(stage), through: intake) { ticket in
            // Another host's files are out of reach, whatever lies at the same path here.
            if let owner = ticket.node, owner != node {
                ticket = ticket.returning(from: stage)
                ticket.tempFiles = nil
            }
            ticket.node = node
        }
    }

    /// Moves a message of the older service's entry queue to the download queue, as a ticket.
    func forwardLegacyRequest(_ delivery: JobDelivery) async {
        await move(delivery, to: topology.layout.entry(kind), through: nil) { _ in }
    }

    /// In one transaction, so that the message is in one of the two queues whatever happens. On quorum queues it is confirmed in
    /// the one before it leaves the other, and is in both when this process dies between the two.
    ///
    /// - Parameter intake: given up before the message leaves: the next one is for whoever has time for it.
    private func move(
        _ delivery: JobDelivery,
        to queue: AMQPQueue,
        through intake: JobIntake?,
        _ change: (inout Ticket) -> Void
    ) async {
        do {
            var ticket = try readTicket(delivery.message)
            change(&ticket)
            if usesTransactions {
                await intake?.pause()
                try await publisher.move(delivery.message, as: ticket, to: queue)
                CrashPoint.moved.cross()
            } else {
                try await publisher.publish(ticket, to: queue)
                CrashPoint.moveConfirmed.cross()
                await intake?.pause()
                await acknowledge(delivery, logger)
            }
        } catch let error as MessageError {
            await bury(delivery, reason: error)
        } catch let error as TicketTooLong {
            await bury(delivery, reason: MessageError(code: .tooLarge, message: error.description))
        } catch {
            if !(error is CancellationError) {
                logger.warning("a job was not moved; it goes back to its queue", metadata: [LogKey.cause: "\(error)"])
            }
            await handBack(delivery, logger)
        }
    }

    /// Waits until none of the jobs that this host has claimed waits for a worker: no host takes more than it can do.
    func waitForRoom(_ turn: WorkTurn, for intake: JobIntake) async {
        let queue = topology.work(stage).name
        while !Task.isCancelled, !intake.isStopped {
            await turn.take {}
            // A broker that is away has nothing to claim either.
            guard let waiting = try? await publisher.client.messageCount(queue: queue), waiting > 0 else { return }
            // The broker does not tell when a queue is empty.
            try? await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// Lets one task work at a time, in the order of asking.
actor WorkTurn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs `body` when it is this caller's turn.
    func take(_ body: @Sendable () async -> Void) async {
        if isTaken {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isTaken = true
        }
        await body()
        if waiting.isEmpty {
            isTaken = false
        } else {
            waiting.removeFirst().resume()
        }
    }
}
