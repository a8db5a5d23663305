internal import AMQP
internal import JobModel
internal import Logging
internal import Settings
internal import Spill
internal import TempFiles
internal import WorkerProtocol

/// Moves temp files of jobs that wait to the spill store, from time to time, and deletes objects that nobody needs any
/// more.
struct FileSpill: MaintenanceService {
    private let tracker: TempFileTracker
    private let store: any SpillStore
    private let settings: Settings
    private let endCancelled: @Sendable (JobKey) async -> Void
    private let logger: Logger

    /// Between two looks, at most.
    static let interval = Duration.seconds(5)
    /// The same while there is no `SPILL_URL`, and so nothing to do but for objects of before.
    static let idleInterval = Duration.seconds(60)
    /// A job that has waited for less is about to go on, or is not short of a worker.
    static let shortestWait = Duration.seconds(10)
    /// From the end of the tree to leaving a call behind that does not end.
    static let patience = Duration.seconds(5)
    /// Between two tries to put something into a store that takes nothing.
    static let troubledPause = BackoffPolicy(initial: .seconds(5), maximum: .seconds(300))

    /// - Parameter endCancelled: gives a waiting job to clean-up that is to be cancelled.
    init(
        tracker: TempFileTracker,
        store: any SpillStore,
        settings: Settings,
        endCancelled: @escaping @Sendable (JobKey) async -> Void,
        logger: Logger
    ) {
        self.tracker = tracker
        self.store = store
        self.settings = settings
        self.endCancelled = endCancelled
        self.logger = logger
    }

    private var budget: DiskBudget {
        DiskBudget(limitBytes: settings.temporaryMaximumBytes, minimumFreeBytes: settings.temporaryMinimumFreeBytes)
    }

    /// nil: not by age.
    private var age: Duration? {
        settings.spillAfterMinutes > 0 ? .seconds(settings.spillAfterMinutes * 60) : nil
    }

    private var pause: Duration {
        if settings.spillURL == nil { return Self.idleInterval }
        return max(min(age ?? Self.interval, Self.interval), .milliseconds(100))
    }

    /// Runs until the task is cancelled, and some seconds longer at most: nobody can end a call to a file system that
    /// hangs.
    func run() async {
        let work = Task { await lookAfterAll() }
        let (ends, end) = AsyncStream<Void>.makeStream()
        let waiting = Task { for await _ in ends {} }
        Task {
            await work.value
            end.finish()
        }
        await withTaskCancellationHandler {
            await waiting.value
        } onCancel: {
            work.cancel()
            Task {
                // Nobody cancels it, and it holds nothing.
                try? await Task.sleep(for: Self.patience)
                end.finish()
            }
        }
    }

    private func lookAfterAll() async {
        var (failures, nextPut, nextSweep) = (0, ContinuousClock.now, ContinuousClock.now)
        while !Task.isCancelled {
            await look()
            if ContinuousClock.now >= nextSweep {
                await sweep()
                nextSweep = .now + .seconds(settings.cleanupIntervalHours * 3600)
            }
            if let url = settings.spillURL, ContinuousClock.now >= nextPut {
                if await spill(to: url) {
                    failures = 0
                } else {
                    failures += 1
                    nextPut = .now + Self.troubledPause.ceiling(afterFailures: failures)
                }
            }
            do { try await Task.sleep(for: pause) } catch { return }
        }
    }

    /// Deletes objects that nobody owns.
    private func sweep() async {
        guard let orphans = SpillOrphans(tracker: tracker, store: store, settings: settings) else { return }
        do throws(TempFileError) {
            if let problem = try await orphans.clean().problem, !Task.isCancelled {
                logger.warning("cleanup: \(problem)")
            }
        } catch {
            logger.warning("cleanup: spilled objects were not swept", metadata: [LogKey.cause: "\(error)"])
        }
    }

    /// Settles what was cut off, and deletes what nobody needs.
    private func look() async {
        do throws(TempFileError) {
            guard try await tracker.hasSpilledObjects() else { return }
            try await tracker.settleInterruptedSpills()
            _ = try await tracker.deleteLeavingObjects(in: store)
        } catch {
            logger.warning("spilled files were not looked after", metadata: [LogKey.cause: "\(error)"])
        }
    }

    /// - Returns: false when the store takes nothing.
    private func spill(to url: String) async -> Bool {
        var report = SpillReport()
        do throws(TempFileError) {
            if let age { report = try await spill(to: url, waitingFor: age) { true } }
            if report.storeProblem == nil, settings.spillAbovePercent > 0 {
                report.add(try await spillForRoom(to: url))
            }
        } catch {
            logger.warning("temp files of waiting jobs were not spilled", metadata: [LogKey.cause: "\(error)"])
        }
        if report.files > 0 {
            logger.info(
                "temp files of waiting jobs were spilled",
                metadata: [
                    LogKey.fileCount: "\(report.files)", LogKey.fileBytes: "\(report.sizeBytes)",
                    "failures": "\(report.failures)",
                ]
            )
        }
        return report.storeProblem == nil
    }

    /// Until there is room. Jobs that wait for room look for it every few seconds, so no more is spilled in one look
    /// than a few of them may need.
    private func spillForRoom(to url: String) async throws(TempFileError) -> SpillReport {
        let (tracker, budget, percent) = (tracker, budget, settings.spillAbovePercent)
        let short = try await tracker.isShortOfRoom(budget, abovePercent: percent)
        guard short.isAbove || short.isWaitedFor else { return SpillReport() }
        let limit = short.isAbove ? nil : settings.spillParallel
        return try await spill(to: url, waitingFor: Self.shortestWait, atMost: limit) {
            if !short.isAbove { return true }
            return (try? await tracker.isShortOfRoom(budget, abovePercent: percent).isAbove) ?? false
        }
    }

    private func spill(
        to url: String,
        waitingFor wait: Duration,
        atMost limit: Int? = nil,
        while isWanted: @escaping @Sendable () async -> Bool
    ) async throws(TempFileError) -> SpillReport {
        try await tracker.spillWaitingFiles(
            SpillRules(
                store: url,
                node: settings.nodeName,
                minimumWait: wait,
                minimumFileBytes: settings.spillMinimumBytes,
                width: settings.spillParallel,
                maximumJobs: limit
            ),
            to: store,
            while: isWanted,
            endCancelled: endCancelled
        )
    }
}
