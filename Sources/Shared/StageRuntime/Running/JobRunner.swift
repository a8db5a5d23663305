internal import AMQP
internal import CrashPoints
internal import JobModel
internal import Logging
internal import TempFiles
internal import WorkerProtocol

/// Takes one delivery through a stage: receive, enter, perform, settle.
///
/// Whatever happens, a delivery ends in one of three ways: acknowledged after its successor was confirmed by the
/// broker, handed back to its queue, or left unacknowledged because the connection died, which hands it back as well.
package struct JobRunner: Sendable {
    let place: Workplace
    private let handler: any StageHandler
    /// nil for a stage that ends no jobs.
    private let ending: (any EndingStage)?

    /// The stage ends jobs and its handler cannot, or the other way round: a mistake of ours, which no job is to blame
    /// for.
    package struct UnfitHandler: Error, CustomStringConvertible {
        package let description: String
    }

    /// - Throws: ``UnfitHandler``.
    package init(place: Workplace, handler: any StageHandler) throws(UnfitHandler) {
        self.place = place
        self.handler = handler
        ending = handler as? any EndingStage
        guard place.stage.traits.endsJobs == (ending != nil) else {
            throw UnfitHandler(
                description:
                    "\(type(of: handler)) cannot be the handler of \(place.stage.rawValue): see StageTraits.endsJobs"
            )
        }
    }

    var receiver: JobReceiver { JobReceiver(place: place) }
    var deliveries: DeliverySettler { DeliverySettler(place: place) }
    private var stage: Stage { place.stage }
    private var settler: Settler { Settler(place: place, ending: ending) }

    /// Takes a delivery of the worker's own queue.
    package func run(_ delivery: JobDelivery) async {
        guard let job = await receiver.receive(delivery) else { return }
        await run(job)
    }

    /// Takes a delivery of the queue that all hosts share.
    ///
    /// - Parameter intake: where it came from. No more comes from there before this message is settled.
    package func run(_ message: any ReceivedMessage, through intake: JobIntake, claimingBy claims: any JobClaims) async
    {
        let delivery = JobDelivery(message, intake: intake, isShared: true)
        guard let job = await receiver.receive(delivery, claimingBy: claims) else { return }
        await run(job)
    }

    private func run(_ job: ReceivedJob) async {
        let (delivery, logger) = (job.delivery, job.logger)
        place.waiting.forget(job.ticket.key)
        defer { tellOfHosts() }
        do {
            if let run = try await enter(job) { try await work(run) }
            place.troubles.reset()
        } catch is ProcessEnded {
            return
        } catch let error as TempFileError where error.code == .cancelled {
            await deliveries.handBack(delivery, logger)
        } catch is CancellationError {
            await deliveries.handBack(delivery, logger)
        } catch is HeldElsewhere {
            logger.info("another worker cleans the job up; the message goes back to its queue")
            await deliveries.handBack(delivery, logger)
        } catch {
            // Ledger or broker trouble outside the stage's own work. Nothing was acknowledged, so nothing is lost.
            logger.error("the job goes back to its queue", metadata: [LogKey.cause: "\(error)"])
            await deliveries.handBack(delivery, logger)
        }
    }

    // MARK: - Enter

    /// Asks the ledger whether the stage may work on the job, and settles a message that it may not.
    ///
    /// - Returns: nil when there is nothing to work on.
    private func enter(_ job: ReceivedJob) async throws -> StageRun? {
        CrashPoint.delivered.cross()
        // A watch ticket expects to find somebody at work. Others come when their predecessor is about to let go.
        let patience = job.delivery.isWatchTicket ? .zero : stage.traits.leasePatience
        switch try await place.books.enter(job.ticket.key, message(of: job), patience: patience) {
        case .finished(let outcome):
            guard let ending else {
                await deliveries.dropFinished(job, outcome)
                break
            }
            try await ending.meetFinished(EndingJob(job, place), outcome)
        case .otherContent:
            await receiver.refuse(job.delivery, reason: JobReceiver.usedID(job.ticket))
        case .stale(let currentHop):
            await deliveries.drop(
                job,
                "a late duplicate was dropped: the job has moved on",
                [LogKey.jobHop: "\(job.ticket.hop)", "job.hop.current": "\(currentHop)"]
            )
        case .held where stage.traits.heldLease == .goesBack:
            throw HeldElsewhere()
        case .held:
            job.logger.log(
                level: job.delivery.isWatchTicket ? .debug : .info,
                "another worker holds the job; looking again later"
            )
            try await deliveries.park(job)
        case .entered(let entered):
            return makeRun(job, entered)
        }
        return nil
    }

    /// Another worker cleans the job up.
    private struct HeldElsewhere: Error {}

    private func message(of job: ReceivedJob) -> StageMessage {
        let ticket = job.ticket
        let startedProgress = JobProgress(
            percent: stage.jobPercent(fraction: 0),
            step: UpdateStep.started(stage, place.kind),
            newsInterval: place.progressInterval(of: ticket)
        )
        var message = StageMessage(ticket, at: stage, record: record(of: job))
        message.progress = stage.traits.tellsClients ? startedProgress : nil
        message.worker = place.worker
        return message
    }

    /// The ticket as JSON: its message as it is, if that is one of ours and nothing was read into it.
    private func record(of job: ReceivedJob) -> [UInt8] {
        let message = job.delivery.message
        let isOurs = job.ticket.hop > 0 && !(stage.traits.takesGivenUpMessages && message.givenUpBy != nil)
        return isOurs ? message.body : job.ticket.json.serialized()
    }

    private func makeRun(_ job: ReceivedJob, _ entered: EnteredJob) -> StageRun {
        var ticket = job.ticket
        ticket.note(deaths: entered.deaths, host: place.host)
        // A wish to cancel that was noted before the job came to its end was promised this outcome.
        if entered.isCancelRequested, stage.traits.endsJobs { ticket.outcome = .cancelled }
        // Whatever is published of the job from now on tells where its files are.
        if entered.hasSpilledFiles { ticket.tempFiles = entered.files }
        return StageRun(
            ticket: ticket,
            delivery: job.delivery,
            entered: entered,
            telemetry: place.telemetry(of: ticket, wait: entered.wait, job.logger),
            logger: job.logger,
            began: place.clock.now
        )
    }

    // MARK: - Perform and settle

    /// Works on a job that the stage has entered, and settles it. The lease is given up in any case.
    ///
    /// - Throws: when nothing was settled. The start is taken back then.
    private func work(_ run: StageRun) async throws {
        defer { run.lease.release() }
        do {
            if run.entered.isCancelRequested, !stage.traits.endsJobs {
                try await settler.settle(.cancelled, run)
                return
            }
            tellOfStart(run)
            defer { tellOfEnd() }
            let outcome = try await StageWork(place: place, handler: handler, run: run).perform()
            try await settler.settle(outcome, run)
        } catch let error as ProcessEnded {
            throw error
        } catch {
            await settler.takeStartBack(run)
            throw error
        }
    }

    /// Tells the supervisor which hosts are away, when that has changed.
    func tellOfHosts() {
        guard let news = place.waiting.news(of: handler.hostsAway, at: place.clock.now) else { return }
        place.status.update { $0.hostsAway = news.isEmpty ? nil : news }
    }

    private func tellOfStart(_ run: StageRun) {
        let (ticket, limit) = (run.ticket, place.retryPolicy.maximumAttempts)
        place.status.update {
            $0.job = ticket.id.string
            $0.attempt = ticket.attempt + 1
            $0.attemptLimit = limit
            $0.progress = 0
        }
        run.logger.log(
            // A job may look whether it can go on for days, every few seconds.
            level: run.entered.wait != nil ? .debug : .info,
            "\(stage.rawValue) starts",
            metadata: [
                LogKey.jobAttempt: "\(ticket.attempt + 1)", LogKey.jobAttemptLimit: "\(limit)",
                LogKey.jobHop: "\(ticket.hop)", "job.starts": "\(run.starts)",
            ]
        )
    }

    private func tellOfEnd() {
        place.status.update {
            $0.job = nil
            $0.attempt = nil
            $0.attemptLimit = nil
            $0.progress = nil
            $0.activity = nil
            $0.counters.cleaning = place.files.cleaningCounters
        }
    }
}
