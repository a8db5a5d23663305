internal import JobModel
internal import JobStore
internal import Queues
internal import Settings
internal import TempFiles

extension TreeStatus {
    func overview() async -> Overview {
        let health = await health()
        let names = settings.queueNames
        let snapshots = await pools.snapshots
        let sources = snapshots.map { names.sources($0.name.kind, $0.name.stage) }
        let depths = await broker.depths(of: sources.flatMap(\.self) + MediaKind.allCases.map(names.dead))
        let (jobs, hasMore) = await liveJobs(snapshots)
        return Overview(
            version: health.version,
            startedAt: Timestamp.string(startedAt),
            status: health.status,
            problems: health.problems,
            broker: health.broker,
            disk: Overview.Disk(
                freeBytes: health.disk.freeBytes,
                totalBytes: health.disk.totalBytes,
                usedPercent: health.disk.usedPercent.map { ($0 * 10).rounded() / 10 },
                alertPercent: settings.alertPercent,
                budgetBytes: settings.temporaryMaximumBytes > 0 ? settings.temporaryMaximumBytes : nil,
                reservedBytes: health.disk.reservedBytes,
                tempBytes: health.tempFiles.values.reduce(0) { $0.addingReportingOverflow($1.totalSize).partialValue }
            ),
            tempFiles: health.tempFiles,
            pools: zip(snapshots, sources).map { snapshot, queues in
                let known = queues.compactMap { depths?[$0] }
                return Overview.Pool(
                    snapshot,
                    queue: queues[0],
                    depth: known.isEmpty ? nil : known.reduce(0) { $0.addingReportingOverflow($1).partialValue }
                )
            },
            jobs: jobs,
            hasMoreJobs: hasMore,
            recent: await ended(.completed, limit: Overview.maximumRecent, snapshots),
            failures: await ended(.failed, limit: Overview.maximumFailures, snapshots),
            deadLetters: depths.map { depths in
                Dictionary(uniqueKeysWithValues: MediaKind.allCases.map { ($0.rawValue, depths[names.dead($0)] ?? 0) })
            }
        )
    }

    /// Without the ledger there are no jobs to show; ``health()`` says why.
    private func liveJobs(_ workers: [PoolSnapshot]) async -> (jobs: [JobView], hasMore: Bool) {
        var records: [JobRecord] = []
        var totals: [JobKey: FileTotals] = [:]
        do throws(TempFileError) {
            records = try await tracker.jobs.jobs(
                JobFilter(state: .active),
                before: nil,
                limit: Overview.maximumJobs + 1
            ).jobs
            totals = try await tracker.fileTotals(of: records.map(\.key))
        } catch {
            return ([], false)
        }
        let limits = await current().attemptLimits
        let views = records.sorted { $0.createdAt > $1.createdAt }.prefix(Overview.maximumJobs).map { record in
            var view = JobView(record, workers: workers, limits: limits)
            view.tempFiles = totals[record.key].map { JobView.Files($0) }
            return view
        }
        return (views, records.count > Overview.maximumJobs)
    }

    private func ended(_ outcome: JobOutcome, limit: Int, _ workers: [PoolSnapshot]) async -> [JobView] {
        let filter = JobFilter(state: .finished, outcome: outcome)
        let page = try? await tracker.jobs.jobs(filter, before: nil, limit: limit)
        let limits = await current().attemptLimits
        return (page?.jobs ?? []).map { JobView($0, workers: workers, limits: limits) }
    }
}
