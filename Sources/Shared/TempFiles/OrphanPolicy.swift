internal import JobModel
internal import RootedFiles

/// What there is to say of one job directory, on disk and on the books.
struct JobDirectorySnapshot: Sendable {
    /// nil when no job on the books has this directory.
    var job: JobRow?
    /// The job's tracked files.
    var tracked: [FileRow] = []
    /// What the directory holds, beneath it at any depth; directories and the lease file left out.
    var entries: [Entry] = []
    /// Whether there is anything by this name, and whether it is a directory.
    var exists = false
    var isDirectory = false
    /// Seconds since 1970 of the directory's last change, before the sweep put anything into it.
    var modifiedSeconds: Int64 = 0
    /// Whether all entries were seen.
    var isComplete = true

    struct Entry: Sendable {
        /// Relative to the job's directory.
        var name: String
        var sizeBytes: Int64
        var modifiedSeconds: Int64
    }
}

/// Decides what is an orphan. Pure: nobody is asked, nothing is touched.
struct OrphanPolicy: Sendable {
    struct Verdict: Sendable, Equatable {
        /// Relative to the job's directory; empty for the directory itself.
        var name: String
        var sizeBytes: Int64
        var ageSeconds: Int64
        var reason: OrphanReason
    }

    var graceSeconds: Int64
    var nowSeconds: Int64
    /// When the books were begun. After their loss, files of living jobs are unknown until the jobs' messages come back,
    /// so nothing unknown counts as older than the books.
    var ledgerBegunSeconds: Int64

    func verdicts(_ snapshot: JobDirectorySnapshot) -> [Verdict] {
        if snapshot.exists, !snapshot.isDirectory {
            guard unknownAge(snapshot.modifiedSeconds) >= graceSeconds else { return [] }
            return [directoryVerdict(snapshot, .unknownFile)]
        }
        guard let job = snapshot.job else { return unknownDirectory(snapshot) }
        var verdicts: [Verdict] = []
        let tracked = Set(snapshot.tracked.map(\.name))
        for entry in snapshot.entries {
            if job.end != nil {
                verdicts.append(verdict(entry, .finishedJob))
            } else if !tracked.contains(entry.name), unknownAge(entry.modifiedSeconds) >= graceSeconds {
                verdicts.append(verdict(entry, .unknownFile))
            }
        }
        if snapshot.isComplete {
            let found = Set(snapshot.entries.map(\.name))
            for row in snapshot.tracked where !found.contains(row.name) {
                let age = age(row.createdAt / 1000)
                verdicts.append(Verdict(name: row.name, sizeBytes: 0, ageSeconds: age, reason: .missingFile))
            }
        }
        if job.end != nil, snapshot.exists, snapshot.entries.isEmpty {
            verdicts.append(directoryVerdict(snapshot, .finishedJob))
        }
        return verdicts
    }

    private func unknownDirectory(_ snapshot: JobDirectorySnapshot) -> [Verdict] {
        let newest = snapshot.entries.reduce(snapshot.modifiedSeconds) { max($0, $1.modifiedSeconds) }
        guard snapshot.exists, unknownAge(newest) >= graceSeconds else { return [] }
        if snapshot.entries.isEmpty { return [directoryVerdict(snapshot, .unknownJobDirectory)] }
        return snapshot.entries.map { verdict($0, .unknownJobDirectory) }
    }

    private func directoryVerdict(_ snapshot: JobDirectorySnapshot, _ reason: OrphanReason) -> Verdict {
        Verdict(name: "", sizeBytes: 0, ageSeconds: age(snapshot.modifiedSeconds), reason: reason)
    }

    private func verdict(_ entry: JobDirectorySnapshot.Entry, _ reason: OrphanReason) -> Verdict {
        let age = age(entry.modifiedSeconds)
        return Verdict(name: entry.name, sizeBytes: entry.sizeBytes, ageSeconds: age, reason: reason)
    }

    /// A change in the future, as after a step of the clock, is young.
    func age(_ modifiedSeconds: Int64) -> Int64 {
        let (age, overflow) = nowSeconds.subtractingReportingOverflow(modifiedSeconds)
        return overflow ? 0 : max(age, 0)
    }

    private func unknownAge(_ modifiedSeconds: Int64) -> Int64 { min(age(modifiedSeconds), age(ledgerBegunSeconds)) }
}
