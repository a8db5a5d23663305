internal import FoundationEssentials
internal import JobModel
internal import WorkerProtocol

extension HealthReport.HostAway {
    init(_ absence: HostAbsence) {
        self.init(
            host: absence.host,
            since: Timestamp.string(Date(timeIntervalSince1970: TimeInterval(absence.since))),
            cause: absence.cause,
            waitingJobs: absence.jobs
        )
    }
}

/// The hosts that the workers of a tree have found away, each once.
enum HostsAway {
    /// Those with the most jobs first.
    static func merged(_ pools: [PoolSnapshot]) -> [HostAbsence] {
        var byHost: [String: HostAbsence] = [:]
        for worker in pools.flatMap(\.workers) where worker.processID != nil {
            // A worker tells no more; one that does is broken.
            for told in (worker.report?.hostsAway ?? []).prefix(WorkerReport.maximumHosts) {
                guard var known = byHost[told.host] else {
                    byHost[told.host] = told
                    continue
                }
                if told.since < known.since { (known.since, known.cause) = (told.since, told.cause) }
                known.jobs = known.jobs.addingClamped(told.jobs)
                byHost[told.host] = known
            }
        }
        return byHost.values.sorted { ($1.jobs, $0.since, $0.host) < ($0.jobs, $1.since, $1.host) }
    }
}
