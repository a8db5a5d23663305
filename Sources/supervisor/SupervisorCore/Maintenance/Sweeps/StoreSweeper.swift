internal import AMQP
internal import JobModel
internal import JobObjects
internal import Logging
internal import Settings
internal import Synchronization
internal import TempFiles

/// Decides when the store is swept. Pure: time is given.
struct StoreSweepSchedule: Sendable {
    /// The time between two tries while objects are left, or after one that met trouble.
    static let retries = BackoffPolicy(initial: .seconds(60), maximum: .seconds(3600))

    /// The time between two sweeps.
    let interval: Duration
    private var next = Duration.zero
    private var failures = 0

    init(interval: Duration) { self.interval = interval }

    func isDue(at now: Duration) -> Bool { now >= next }

    /// - Parameter isDone: nothing is left that could be removed.
    mutating func note(at now: Duration, isDone: Bool) {
        failures = isDone ? 0 : failures + 1
        next = now + (isDone ? interval : min(interval, Self.retries.ceiling(afterFailures: failures)))
    }
}

/// Aborts uploads that nobody goes on with, and removes objects that jobs could not remove at their end: at the start
/// and from time to time.
///
/// A store may hang, as a network file system does whose server is away. Nobody waits for it, and there is one sweep at
/// a time.
final class StoreSweeper: MaintenanceService {
    /// Between two looks at whether a sweep is due.
    static let interval = Duration.seconds(5)

    private let sweep: @Sendable () async -> StoreSweep
    /// Whether a job that has ended has left objects.
    private let hasLeft: @Sendable () async -> Bool
    private let logger: Logger
    private let state: Mutex<(schedule: StoreSweepSchedule, running: Task<Void, Never>?, hadLeft: Bool)>

    /// - Parameter settings: as in effect.
    init(
        tracker: TempFileTracker,
        interval: Duration,
        settings: @escaping @Sendable () async -> Settings,
        logger: Logger
    ) {
        sweep = { StoreSweep(await settings(), tracker, logger: logger) }
        hasLeft = { (try? await tracker.jobsWithLeftObjects(limit: 1).isEmpty) == false }
        self.logger = logger
        state = Mutex((StoreSweepSchedule(interval: interval), nil, false))
    }

    /// Runs until the task is cancelled. Cancels a sweep that goes on then, and does not wait for it: nobody can end a
    /// call to a file system that hangs.
    func run() async {
        defer { state.withLock { $0.running }?.cancel() }
        let start = ContinuousClock.now
        while !Task.isCancelled {
            let hasLeft = await hasLeft()
            let isDue = state.withLock { state in
                guard state.running == nil else { return false }
                // A job has just ended that left some: the first try comes soon.
                let isNews = hasLeft && !state.hadLeft
                state.hadLeft = hasLeft
                return isNews || state.schedule.isDue(at: start.duration(to: .now))
            }
            if isDue {
                let work = Task { await self.sweepOnce(since: start) }
                state.withLock { $0.running = work }
            }
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    private func sweepOnce(since start: ContinuousClock.Instant) async {
        let cleaned = await sweep().clean()
        let isLeft = await hasLeft()
        if let problem = cleaned.problem, !Task.isCancelled {
            logger.warning(
                "cleanup: the store could not be swept; it is tried again",
                metadata: [LogKey.cause: "\(problem)"]
            )
        }
        if cleaned.abortedUploads + cleaned.removedObjects > 0 {
            logger.info(
                "cleanup: the store is swept",
                metadata: [
                    "upload.aborted": "\(cleaned.abortedUploads)", "object.removed": "\(cleaned.removedObjects)",
                ]
            )
        }
        state.withLock { state in
            state.schedule.note(at: start.duration(to: .now), isDone: cleaned.problem == nil && !isLeft)
            state.running = nil
        }
    }
}
