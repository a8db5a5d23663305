internal import JobModel
internal import Synchronization
internal import WorkerProtocol

/// Counts the jobs that this worker has put aside because a host is away: each until its delay is over, from when on it
/// is anybody's.
final class WaitingForHosts: Sendable {
    private struct State {
        var jobs: [JobKey: (host: String, until: ContinuousClock.Instant)] = [:]
        /// The supervisor knows of these.
        var told: [HostAbsence] = []
    }

    /// Further jobs are not counted.
    private static let maximumJobs = 10_000

    private let state = Mutex(State())

    func note(_ job: JobKey, for host: String, until end: ContinuousClock.Instant) {
        state.withLock { state in
            if state.jobs.count < Self.maximumJobs || state.jobs[job] != nil { state.jobs[job] = (host, end) }
        }
    }

    /// The job is here again.
    func forget(_ job: JobKey) { state.withLock { state in state.jobs[job] = nil } }

    /// - Parameter absences: as the stage's handler knows them.
    /// - Returns: those that jobs wait for and those that are not to be asked yet, with the most jobs first; nil when
    ///   the last call returned the same.
    func news(of absences: [HostAbsence], at now: ContinuousClock.Instant) -> [HostAbsence]? {
        state.withLock { state in
            if !state.jobs.isEmpty { state.jobs = state.jobs.filter { $0.value.until > now } }
            var counts: [String: Int] = [:]
            for job in state.jobs.values { counts[job.host, default: 0] += 1 }
            let found = absences.map { absence in
                var absence = absence
                absence.jobs = counts[absence.host] ?? 0
                return absence
            }
            .filter { $0.jobs > 0 || $0.isResting }
            .map { absence in
                var told = absence
                told.isResting = false
                return told
            }
            .sorted { ($1.jobs, $0.since, $0.host) < ($0.jobs, $1.since, $1.host) }
            let news = Array(found.prefix(WorkerReport.maximumHosts))
            guard news != state.told else { return nil }
            state.told = news
            return news
        }
    }
}
