internal import AMQP
internal import FoundationEssentials
internal import JobModel
internal import JobStore
internal import Logging
internal import Queues
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// Gives jobs that wait with files on this host back to download, and removes their files.
///
/// For each the order is: the download message is confirmed, the ledger moves on, the old message is acknowledged, the
/// files go. Killed anywhere, the job goes on: with two messages at worst, of which the ledger knows the older one as
/// stale.
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
        var queues: [(stage: Stage, kind: MediaKind, puller: AMQPPuller)] = []
        for kind in MediaKind.allCases {
            for stage in Self.stages {
                let delayed = QueueNames.retryDelaysMilliseconds.map {
                    self.queues.retry(kind, stage, delayMilliseconds: $0)
                }
                for queue in [self.queues.work(kind, stage)] + delayed {
                    guard try await client.messageCount(queue: queue) != nil else { continue }
                    queues.append((stage, kind, try client.pull(queue)))
                }
            }
        }
        var held = HeldDeliveries(renewingAfter: settings.queueLayout.returnsBeforeRenewal)
        var given = 0
        var latest = ContinuousClock.now
        while await !isHastened(), ContinuousClock.now - latest < Self.patience, await isAnythingToCome() {
            let before = latest
            for (stage, kind, puller) in queues {
                // A queue that is gone has nothing to give.
                while await !isHastened(), let delivery = try? await puller.next().first {
                    if let rest = await give(delivery, kind, stage) { held.add(rest) } else { given += 1 }
                    latest = .now
                }
            }
            // The broker does not tell when a message comes.
            if latest == before { do { try await Task.sleep(for: .milliseconds(200)) } catch { break } }
        }
        await held.giveBack(by: client)
        return given
    }

    private func isAnythingToCome() async -> Bool {
        // The message of a dead worker comes a little later than the rest, so the ledger is asked.
        guard let count = try? await tracker.jobs.jobsHoldingFiles(in: Self.stages) else { return true }
        return count > 0
    }

    /// - Returns: the delivery when it has to stay in its queue.
    private func give(_ delivery: AMQPDelivery, _ kind: MediaKind, _ stage: Stage) async -> AMQPDelivery? {
        // Another host's message stays, and so does one that no stage can read: it is the stage's to refuse.
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
            if let known = try await tracker.jobs.job(ticket.key), known.hop > ticket.hop { return delivery }
            var back = ticket.returning(from: stage)
            back.attempt = 0
            back.hop = Ticket.counted(back.hop)
            back.transfer = UUID().uuidString
            back.tempFiles = try await tracker.jobTempFiles(ticket.key)
            try await client.publish(try AMQPMessage(fitting: back), to: queues.work(kind, .download))
            try await tracker.jobs.handedOver(back.key, to: .download, hop: back.hop)
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

/// Messages that are not ours to move. They are held until the end, or they would be delivered over and over.
private struct HeldDeliveries {
    let renewingAfter: Int64
    private var deliveries: [AMQPDelivery] = []
    private var bodyBytes = 0

    /// The bodies that are kept in memory. A message beyond goes back as it is, and a quorum queue counts that once
    /// more.
    private static let maximumBodyBytes = 64 << 20

    init(renewingAfter limit: Int64) { renewingAfter = limit }

    mutating func add(_ delivery: AMQPDelivery) {
        // A body is needed only by what has to be put into its queue anew.
        let isRenewed = delivery.earlierDeliveries >= renewingAfter
        guard isRenewed, bodyBytes + delivery.body.count <= Self.maximumBodyBytes else {
            return deliveries.append(delivery.receipt)
        }
        bodyBytes += delivery.body.count
        deliveries.append(delivery)
    }

    mutating func giveBack(by client: AMQPClient) async {
        // Nobody here asks for messages any more, so none comes back here.
        for delivery in deliveries { try? await delivery.giveBack(by: client, renewingAfter: renewingAfter) }
        deliveries = []
    }
}
