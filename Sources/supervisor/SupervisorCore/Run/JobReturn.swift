internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import ServiceKit
internal import TempFiles

/// Gives jobs that wait with files on this host back to download, and removes their files.
///
/// For each the order is: the download message is confirmed, the ledger moves on, the old message is acknowledged, the files
/// go. Killed anywhere, the job goes on: with two messages at worst, of which the ledger knows the older one as stale.
struct JobReturn: Sendable {
    let tracker: TempFileTracker
    let client: AMQPClient
    let settings: Settings
    let logger: Logger

    private var queues: QueueNames { settings.queueNames }

    /// The stages that find a job's files on the disk, and cannot do without.
    static let stages: Set<Stage> = [.process, .upload]
    /// Without any delivery for so long, nothing more is to come.
    static let patience = Duration.seconds(5)

    /// Runs until no job in ``stages`` has files, or nothing more is delivered.
    ///
    /// - Parameter isHastened: Asked now and then whether to stop early.
    /// - Returns: how many jobs were given back.
    func run(isHastened: @escaping @Sendable () async -> Bool) async throws -> Int {
        let desk = Desk()
        var consumers: [(stage: Stage, kind: MediaKind, consumer: AMQPConsumer)] = []
        for kind in MediaKind.allCases {
            for stage in Self.stages {
                let delayed = QueueNames.retryDelaysMilliseconds.map {
                    queues.retry(kind, stage, delayMilliseconds: $0)
                }
                for queue in [queues.work(kind, stage)] + delayed {
                    guard try await client.messageCount(queue: queue) != nil else { continue }
                    let consumer = try client.consume(AMQPQueue(queue), prefetch: Self.prefetch, declaring: false)
                    consumers.append((stage, kind, consumer))
                }
            }
        }
        let all = consumers
        await withTaskGroup(of: Void.self) { group in
            for (stage, kind, consumer) in all {
                group.addTask {
                    for await delivery in consumer {
                        await desk.settle { await give(delivery, kind, stage) }
                    }
                }
            }
            group.addTask {
                // The broker does not tell when a queue is empty.
                while await !isHastened(), await isAnythingToCome(desk) {
                    do { try await Task.sleep(for: .milliseconds(100)) } catch { break }
                }
                for (_, _, consumer) in all { await consumer.stop() }
            }
        }
        return await desk.returnHeld { delivery in
            try? await delivery.giveBack(by: client, renewingAfter: settings.queueLayout.returnsBeforeRenewal)
        }
    }

    /// Unsettled messages for each queue. Those that are not ours to move are held until the end, or they would be delivered
    /// over and over.
    private static let prefetch: UInt16 = 256

    private func isAnythingToCome(_ desk: Desk) async -> Bool {
        if await desk.silence >= Self.patience { return false }
        // What a dead worker had unacknowledged comes a little later than the rest, so the ledger is asked.
        guard let count = try? await tracker.jobsHoldingFiles(in: Self.stages) else { return true }
        return count > 0
    }

    /// - Returns: the delivery when it has to stay in its queue.
    private func give(_ delivery: AMQPDelivery, _ kind: MediaKind, _ stage: Stage) async -> AMQPDelivery? {
        // Others' messages, and what no stage can read either: it is theirs to say so.
        guard !delivery.isOversized, let ticket = try? Ticket(parsing: delivery.body, expecting: kind),
            ticket.node == nil || ticket.node == settings.nodeName
        else { return delivery }
        var logger = logger
        logger[metadataKey: LogKey.jobID] = "\(ticket.id)"
        logger[metadataKey: LogKey.jobKind] = "\(kind.rawValue)"
        do {
            guard case .acquired(let lease) = try await tracker.acquireLease(ticket.key, timeout: .zero) else {
                return delivery
            }
            defer { lease.releaseRemovingEmptyDirectory() }
            // A late duplicate: whoever works next drops it.
            if let known = try await tracker.job(ticket.key), known.hop > ticket.hop { return delivery }
            var back = ticket.returning(from: stage)
            back.attempt = 0
            back.hop = Ticket.counted(back.hop)
            back.transfer = UUID().uuidString
            back.tempFiles = try await tracker.jobTempFiles(ticket.key)
            try await client.publish(AMQPMessage(back), to: queues.work(kind, .download))
            try await tracker.handedOver(back.key, to: .download, hop: back.hop)
            try await delivery.acknowledge()
            let report = try await tracker.cleanupJobTempFiles(back.key)
            try await tracker.trimReservation(back.key)
            logger.info(
                "the job is given back to download",
                metadata: [
                    LogKey.fileCount: "\(report.filesCleaned)", LogKey.fileBytes: "\(report.bytesFreed)",
                    "failures": "\(report.failures.count)",
                ]
            )
            return nil
        } catch {
            // Settled or not, the message is in a queue: the ledger knows what is stale.
            logger.warning("the job was not given back; it goes on from here", metadata: [LogKey.cause: "\(error)"])
            return delivery
        }
    }
}

/// Who works on which delivery, and when one was last seen.
private actor Desk {
    private var held: [AMQPDelivery] = []
    private var given = 0
    private var working = 0
    private var latest = ContinuousClock.now

    /// Zero while one is worked on.
    var silence: Duration { working > 0 ? .zero : ContinuousClock.now - latest }

    func settle(_ work: @Sendable () async -> AMQPDelivery?) async {
        working += 1
        latest = .now
        let rest = await work()
        working -= 1
        latest = .now
        if let rest { held.append(rest) } else { given += 1 }
    }

    /// Puts back what was held.
    ///
    /// - Returns: how many were not.
    func returnHeld(_ giveBack: (AMQPDelivery) async -> Void) async -> Int {
        for delivery in held { await giveBack(delivery) }
        held = []
        return given
    }
}
