internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import ServiceKit

extension JobRunner {
    /// Moves a job from the queue that all hosts share to this host's own. From then on only this host's ledger and workers
    /// have to do with it, so every late duplicate of it is recognised.
    ///
    /// The copy is confirmed before the message is acknowledged: a job may be claimed twice, by two hosts, when this process
    /// dies between the two; it is never lost.
    func claim(_ delivery: JobDelivery, through intake: JobIntake) async {
        do {
            var ticket = try readTicket(delivery.message)
            // Another host's files are out of reach, whatever lies at the same path here.
            if let owner = ticket.node, owner != node {
                ticket = ticket.returning(from: stage)
                ticket.tempFiles = nil
            }
            ticket.node = node
            try await publisher.publish(ticket, to: topology.work(stage))
            CrashPoint.claimConfirmed.cross()
            // The next job is for whoever has time for it.
            await intake.pause()
            await acknowledge(delivery, logger)
        } catch let error as MessageError {
            await bury(delivery, reason: error)
        } catch {
            if !(error is CancellationError) {
                logger.warning("a job was not claimed; it goes back to its queue", metadata: [LogKey.cause: "\(error)"])
            }
            try? await Pause.after(failures: troubles.next())
            await reject(delivery, logger)
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
