internal import AMQP
internal import Claims
internal import CrashPoints
internal import FoundationEssentials
internal import JobModel
internal import Logging
internal import Settings
internal import Synchronization
internal import TempFiles
internal import WorkerProtocol

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
    /// nil when there is no other host.
    let claims: ClaimsLog?
    let updates: UpdatePublisher
    let status: StatusChannel
    let retryPolicy: RetryPolicy
    let node: String
    let worker: WorkerLife
    let logger: Logger

    let troubles = FailureCount()

    var topology: Topology { publisher.topology }

    /// Where a watch ticket waits between two looks.
    var watchQueue: AMQPQueue {
        topology.retry(stage, delayMilliseconds: RetryPolicy.leaseDelayMilliseconds)
    }

    private var longWork: Duration { .seconds(settings.longWorkSeconds) }

    func run(_ delivery: JobDelivery) async {
        let ticket: Ticket
        do {
            ticket = received(try readTicket(delivery.message), from: delivery.message)
        } catch {
            return await refuse(delivery, reason: error)
        }
        await run(ticket, delivery)
    }

    func run(_ ticket: Ticket, _ delivery: JobDelivery) async {
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
        } catch is HeldElsewhere {
            logger.info("another worker cleans the job up; the message goes back to its queue")
            await handBack(delivery, logger)
        } catch {
            // Ledger or broker trouble outside the stage's own work. Nothing was acknowledged, so nothing is lost.
            logger.error("the job goes back to its queue", metadata: [LogKey.cause: "\(error)"])
            await handBack(delivery, logger)
        }
    }

    private func run(_ ticket: Ticket, _ delivery: JobDelivery, _ logger: Logger) async throws {
        CrashPoint.delivered.cross()
        // A watch ticket expects to find somebody at work. Others come when their predecessor is about to let go.
        let patience = delivery.isWatchTicket ? Duration.zero : Self.patience(stage)
        let message = StageMessage(
            stage: stage,
            hop: ticket.hop,
            run: JobRun(redrives: ticket.redrives, attempt: ticket.attempt),
            mediaID: ticket.mediaID,
            source: ticket.sourceText,
            manifest: ticket.tempFiles,
            ticket: record(of: ticket, delivery.message),
            progress: stage == .cleanup ? nil : startedProgress(of: ticket),
            worker: worker,
            content: stage == .download ? ticket.content : nil
        )
        switch try await tracker.enter(ticket.key, message, timeout: patience) {
        case .finished(let outcome):
            try await meetFinished(ticket, outcome, delivery, logger)
        case .otherContent:
            await refuse(delivery, reason: usedID(ticket))
        case .stale(let currentHop):
            await drop(
                delivery,
                "a late duplicate was dropped: the job has moved on",
                [LogKey.jobHop: "\(ticket.hop)", "job.hop.current": "\(currentHop)"],
                logger
            )
        case .held where stage == .cleanup:
            // A copy would be another message, and it may be this one that the ledger lets end the job.
            throw HeldElsewhere()
        case .held:
            logger.log(
                level: delivery.isWatchTicket ? .debug : .info,
                "another worker holds the job; looking again later"
            )
            try await publisher.publish(ticket, to: watchQueue, type: JobDelivery.watchType)
            CrashPoint.watchParked.cross()
            await acknowledge(delivery, logger)
        case .entered(let entered):
            defer { entered.lease.release() }
            var ticket = ticket
            ticket.note(deaths: entered.deaths, host: HostName.current)
            do {
                if entered.isCancelRequested {
                    try await meetCancellation(ticket, entered, delivery, logger)
                } else {
                    try await work(ticket, entered, delivery, logger)
                }
            } catch {
                await uncount(ticket, entered.starts, logger)
                throw error
            }
        }
    }

    /// How long a message waits for whoever has its job. Producers write to the queue of downloads, whatever their messages say of
    /// themselves, and a worker that waits does nothing else; a message that would have to wait longer is parked.
    private static func patience(_ stage: Stage) -> Duration { stage == .download ? .milliseconds(300) : .seconds(10) }

    private var startedStep: String { UpdateStep.started(stage, kind) }

    private func startedProgress(of ticket: Ticket) -> JobProgress {
        JobProgress(
            percent: stage.jobPercent(fraction: 0),
            step: startedStep,
            newsInterval: progressInterval(of: ticket)
        )
    }

    /// Shortest time between two updates of one step: as the job's producer asks, within bounds.
    private func progressInterval(of ticket: Ticket) -> Duration {
        let asked = ticket.progressIntervalSeconds ?? settings.progressIntervalSeconds
        return .seconds(asked.isFinite ? min(max(asked, 0.1), 86_400) : settings.progressIntervalSeconds)
    }

    /// The ticket as JSON: its message as it is, if that is one of ours and nothing was read into it.
    private func record(of ticket: Ticket, _ message: AMQPDelivery) -> [UInt8] {
        let isOurs = ticket.hop > 0 && (stage != .cleanup || message.givenUpBy == nil)
        return isOurs ? message.body : ticket.json.serialized()
    }

    func work(
        _ ticket: Ticket,
        _ entered: EnteredStage,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        let (starts, lease) = (entered.starts, entered.lease)
        let began = ContinuousClock().now
        status.update {
            $0.job = ticket.id.string
            $0.attempt = ticket.attempt + 1
            $0.attemptLimit = retryPolicy.maximumAttempts
            $0.progress = 0
        }
        defer {
            status.update {
                $0.job = nil
                $0.attempt = nil
                $0.attemptLimit = nil
                $0.progress = nil
                $0.activity = nil
                $0.counters.cleaning = tracker.cleaningCounters
            }
        }
        let telemetry = telemetry(ticket, logger, isWaitingForSpace: entered.isWaitingForSpace)
        logger.log(
            // A job may look for room for days, every few seconds.
            level: entered.isWaitingForSpace ? .debug : .info,
            "\(stage.rawValue) starts",
            metadata: [
                LogKey.jobAttempt: "\(ticket.attempt + 1)",
                LogKey.jobAttemptLimit: "\(retryPolicy.maximumAttempts)", LogKey.jobHop: "\(ticket.hop)",
                "job.starts": "\(starts)",
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
            let done = try await perform(ticket, entered, telemetry, delivery, logger)
            CrashPoint.stageWorked.cross()
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
            let elapsed = ContinuousClock().now - began
            status.update { $0.counters.complete(after: elapsed) }
            var summary = telemetry.summary
            summary[LogKey.durationMilliseconds] = "\(elapsed.milliseconds)"
            logger.info("\(stage.rawValue) is done", metadata: summary)
        } catch let left as WorkLeftBehind {
            await depart(ticket, starts, left, delivery, logger)
        } catch let error where error is CancellationError || Task.isCancelled {
            throw CancellationError()
        } catch let interruption as Interruption {
            throw interruption
        } catch is JobCancelled {
            try await giveUp(ticket, lease, delivery, logger)
        } catch {
            try await meetFailure(StageFailure(error), ticket, telemetry, entered, delivery, logger)
        }
    }

    /// Another worker cleans the job up.
    private struct HeldElsewhere: Error {}

    /// Ledger or broker trouble that is no failure of the stage's work: the message goes back as it is.
    private struct Interruption: Error, CustomStringConvertible {
        var cause: any Error
        var description: String { "\(cause)" }
    }

    func telemetry(_ ticket: Ticket, _ logger: Logger, isWaitingForSpace: Bool = false) -> JobTelemetry {
        JobTelemetry(
            ticket: ticket,
            stage: stage,
            isWaitingForSpace: isWaitingForSpace,
            tracker: tracker,
            updates: updates,
            status: status,
            interval: progressInterval(of: ticket),
            logger: logger
        )
    }

    private func perform(
        _ ticket: Ticket,
        _ entered: EnteredStage,
        _ telemetry: JobTelemetry,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws -> Ticket {
        if let news = entered.news { await telemetry.post(step: startedStep, news: news) }
        status.watchActivity(true)
        let context = JobContext(
            ticket: ticket,
            stage: stage,
            tracker: tracker,
            files: entered.files,
            logger: logger,
            telemetry: telemetry
        )
        let work = LeavableWork { [handler] in
            Poison.take(job: ticket.id.string)
            try await restoreFiles(ticket, entered)
            return try await handler.run(context)
        }
        do {
            return try await withThrowingTaskGroup(of: Ticket?.self) { group in
                // They have nothing to do at first but to wait, for which no other thread need be woken.
                group.addImmediateTask {
                    try await attend(ticket, telemetry, delivery, logger)
                    return nil
                }
                // Not among what `attend` waits for: news on its way to the broker must not keep the work from hearing of it.
                if stage != .cleanup {
                    group.addImmediateTask {
                        try await watchForCancellation(ticket.key, logger)
                        return nil
                    }
                }
                group.addTask { try await work.run() }
                defer {
                    // What is left may have to wait for the broker.
                    status.watchActivity(false)
                    telemetry.retire()
                    group.cancelAll()
                }
                while let result = try await group.next() {
                    if let result { return result }
                }
                throw CancellationError()
            }
        } catch {
            throw work.isLeftBehind ? WorkLeftBehind(cause: error) : error
        }
    }

    private func restoreFiles(_ ticket: Ticket, _ entered: EnteredStage) async throws {
        guard entered.hasCompressedFiles, stage == .process || stage == .upload else { return }
        let count = try await tracker.restoreFiles(
            ticket.key,
            within: settings.diskBudget,
            onActivity: { status.noteActivity() }
        )
        // What compressing reserved on top; processing has use for it.
        if count > 0, stage == .upload { try await tracker.trimReservation(ticket.key) }
    }
}

extension JobRunner {
    /// What goes on beside the work, until this is cancelled. Work that is over in a moment has no need of it.
    private func attend(
        _ ticket: Ticket,
        _ telemetry: JobTelemetry,
        _ delivery: JobDelivery,
        _ logger: Logger
    ) async throws {
        try await Task.sleep(for: Self.moment)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await telemetry.run() }
            if stage != .cleanup {
                // The end of a job is one transaction with its delivery, so that is never let go of.
                group.addTask {
                    await delivery.watch(ticket, after: longWork, by: publisher, in: watchQueue, logger)
                }
            }
            await group.waitForAll()
        }
    }

    private static let moment = Duration.milliseconds(100)
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
