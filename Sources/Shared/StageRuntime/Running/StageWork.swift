internal import CrashPoints
internal import JobModel
internal import Logging
internal import Settings
internal import TempFiles
internal import WorkerProtocol

/// The third step of a run: the handler's work on a job, and what goes on beside it until it is over.
struct StageWork: Sendable {
    let place: Workplace
    let handler: any StageHandler
    let run: StageRun

    private var traits: StageTraits { place.stage.traits }

    /// Does the stage's work.
    ///
    /// - Throws: `CancellationError` when the worker drains.
    func perform() async throws -> WorkOutcome {
        guard run.starts <= place.settings.maximumStarts else { return .failed(tooManyDeaths) }
        do {
            let ticket = try await workWithCompanions()
            CrashPoint.stageWorked.cross()
            return .done(ticket)
        } catch let left as WorkLeftBehind {
            return .leftBehind(isCancelled: left.cause is JobCancelled)
        } catch let error where error is CancellationError || Task.isCancelled {
            throw CancellationError()
        } catch is JobCancelled {
            return .cancelled
        } catch {
            return .failed(StageFailure(error))
        }
    }

    private var tooManyDeaths: StageFailure {
        StageFailure(
            .permanent,
            code: Ticket.workerDiedCode,
            "the worker died \(run.starts - 1) times while the job was in \(place.stage.rawValue); "
                + "look for crashes in its log"
        )
    }

    private func workWithCompanions() async throws -> Ticket {
        if let news = run.entered.news {
            await run.telemetry.post(step: UpdateStep.started(place.stage, place.kind), news: news)
        }
        place.status.watchActivity(true)
        let context = place.context(of: run.ticket, files: run.entered.files, run.telemetry, run.logger)
        let work = LeavableWork(on: place.process.executor, clock: place.clock) {
            Poison.take(job: run.ticket.id.string)
            try await fetchSpilledFiles()
            try await restoreFiles()
            return try await handler.run(context)
        }
        do {
            return try await withThrowingTaskGroup(of: Ticket?.self) { group in
                // The companions have nothing to do at first but to wait, for which no other thread need be woken.
                group.addImmediateTask {
                    try await attend()
                    return nil
                }
                // Not among those that `attend` waits for: news on its way to the broker must not keep the work from
                // hearing of it.
                if traits.watchesForCancellation {
                    let watch = CancellationWatch(books: place.books, clock: place.clock, logger: run.logger)
                    group.addImmediateTask {
                        try await watch.watch(run.ticket.key)
                        return nil
                    }
                }
                group.addTask { try await work.run() }
                defer {
                    // A companion may still have to wait for the broker.
                    place.status.watchActivity(false)
                    run.telemetry.retire()
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

    /// Runs the tasks beside the work, until this is cancelled. Work that is over in a moment does not need them.
    private func attend() async throws {
        try await place.clock.sleep(for: Self.moment)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await run.telemetry.run() }
            if traits.leavesLongWorkToWatchTicket {
                group.addTask {
                    await run.delivery.watch(
                        run.ticket,
                        after: .seconds(place.settings.longWorkSeconds),
                        by: place.publisher,
                        in: place.watchQueue,
                        run.logger
                    )
                }
            }
            await group.waitForAll()
        }
    }

    private static let moment = Duration.milliseconds(100)

    private func fetchSpilledFiles() async throws {
        guard run.entered.hasSpilledFiles, let store = place.spill else { return }
        let paths: [ByteText?]
        switch traits.needs {
        case .nothing: return
        case .source: paths = [run.ticket.localMediaPath]
        case .outputs: paths = run.ticket.outputs.map(\.localPath)
        }
        let report: FetchReport
        do {
            report = try await place.files.fetchSpilledFiles(
                run.ticket.key,
                FetchWish(
                    paths: paths.compactMap(\.self),
                    makesFiles: traits.restoring == .keepingReservation,
                    budget: place.settings.diskBudget
                ),
                from: store,
                didReserve: { await run.telemetry.goOn(from: .space) },
                onActivity: { place.status.noteActivity() }
            )
        } catch let error as TempFileError where error.code == .noSpace {
            throw StageFailure(
                error.isRetriable ? .noRoom : .permanent,
                code: error.isRetriable ? "no_space" : "too_large_for_disk",
                error.message
            )
        }
        if report.files == 0 { return }
        run.logger.info(
            "spilled temp files were fetched back",
            metadata: [LogKey.fileCount: "\(report.files)", LogKey.fileBytes: "\(report.sizeBytes)"]
        )
    }

    private func restoreFiles() async throws {
        guard run.entered.hasCompressedFiles, traits.restoring != .nothing else { return }
        let count = try await place.files.restoreFiles(
            run.ticket.key,
            within: place.settings.diskBudget,
            onActivity: { place.status.noteActivity() }
        )
        // Gives back the extra reservation of compression; processing can use it.
        if count > 0, traits.restoring == .trimmingReservation {
            try await place.files.trimReservation(run.ticket.key)
        }
    }
}
