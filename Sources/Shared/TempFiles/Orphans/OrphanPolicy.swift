internal import Files
internal import JobModel
internal import Ledger

/// The state of one job directory, on disk and in the ledger.
struct JobDirectorySnapshot: Sendable {
    /// nil when no job in the ledger has this directory.
    var job: JobRow?
    /// The job's tracked files: when each was planned, in milliseconds, by its name.
    var tracked: [ByteText: Int64] = [:]
    /// The entries of the directory, at any depth; directories and the lease file left out, but for those that are no
    /// part of ours.
    var entries: [Entry] = []
    /// Whether there is anything by this name, and whether it is a directory.
    var exists = false
    var isDirectory = false
    /// The kind of entry in the directory's place, when it is not ours.
    var foreign: String?
    /// Seconds since 1970 of the directory's last change, before the sweep put anything into it.
    var modifiedSeconds: Int64 = 0
    /// Whether all entries were seen.
    var isComplete = true

    struct Entry: Sendable {
        /// Relative to the job's directory.
        var name: String
        var sizeBytes: Int64
        var modifiedSeconds: Int64
        /// The kind of entry, when no stage makes such.
        var foreign: String?
        /// A file system mounted here: not even its name can be removed.
        var isMount = false
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
        var detail: String?
        /// Whether a sweep acts on it.
        var isRemovable = true
    }

    var graceSeconds: Int64
    var nowSeconds: Int64
    /// When the ledger was begun. After its loss, files of living jobs are unknown until the jobs' messages come
    /// back, so nothing unknown counts as older than the ledger.
    var ledgerBegunSeconds: Int64
    /// How long process trees have run on this ledger and had the broker.
    var serviceMilliseconds: Int64 = 0
    /// How long of that time each stage had a ready worker. A stage that is not listed had one all the time.
    var servedMilliseconds: [ServedStage: Int64] = [:]
    /// nil: no job is ever given up.
    var maximumSilenceMilliseconds: Int64?

    static let mount = "mounted file system"

    func verdicts(_ snapshot: JobDirectorySnapshot) -> [Verdict] {
        if snapshot.exists, let foreign = snapshot.foreign {
            var verdict = directoryVerdict(snapshot, .foreignEntry)
            verdict.detail = foreign
            verdict.isRemovable =
                foreign != Self.mount && unknownAge(snapshot.modifiedSeconds) >= graceSeconds
            return [verdict]
        }
        if snapshot.exists, !snapshot.isDirectory {
            guard unknownAge(snapshot.modifiedSeconds) >= graceSeconds else { return [] }
            return [directoryVerdict(snapshot, .unknownFile)]
        }
        guard let job = snapshot.job else { return unknownDirectory(snapshot) }
        if let silence = abandonedFor(job) { return ofOneReason(.abandonedJob, snapshot, ageSeconds: silence / 1000) }
        if let age = overdueFor(job) { return overdue(snapshot, age) }
        return known(snapshot, job)
    }

    private func known(_ snapshot: JobDirectorySnapshot, _ job: JobRow) -> [Verdict] {
        var verdicts: [Verdict] = []
        let tracked = snapshot.tracked
        var foundTracked = 0
        for entry in snapshot.entries {
            let isTracked = tracked[ByteText(entry.name)] != nil
            if isTracked { foundTracked += 1 }
            let isOld = unknownAge(entry.modifiedSeconds) >= graceSeconds
            if entry.foreign == FileStatus.otherNames, isTracked, mayBePublished(job) { continue }
            if entry.foreign != nil {
                // In a tracked file's place it is the stage's, or the clean-up's, to deal with.
                let isRemovable = job.end != nil || isOld && !isTracked
                verdicts.append(foreign(entry, isRemovable: isRemovable))
            } else if job.end != nil {
                verdicts.append(verdict(entry, .finishedJob))
            } else if !isTracked, isOld {
                verdicts.append(verdict(entry, .unknownFile))
            }
        }
        if snapshot.isComplete, foundTracked < tracked.count {
            let found = Set(snapshot.entries.map { ByteText($0.name) })
            for (name, createdAt) in tracked.filter({ !found.contains($0.key) }).sorted(by: { $0.key < $1.key }) {
                let age = age(createdAt / 1000)
                verdicts.append(Verdict(name: name.string, sizeBytes: 0, ageSeconds: age, reason: .missingFile))
            }
        }
        if job.end != nil, snapshot.exists, snapshot.entries.isEmpty {
            verdicts.append(directoryVerdict(snapshot, .finishedJob))
        }
        return verdicts
    }

    /// An output may be an object of the store as well, until its own name is removed.
    private func mayBePublished(_ job: JobRow) -> Bool {
        job.end == nil && (job.record.stage == .upload || job.record.stage == .cleanup)
    }

    private func unknownDirectory(_ snapshot: JobDirectorySnapshot) -> [Verdict] {
        let newest = snapshot.entries.reduce(snapshot.modifiedSeconds) { max($0, $1.modifiedSeconds) }
        var isOld = unknownAge(newest) >= graceSeconds
        if newest < ledgerBegunSeconds, let limit = maximumSilenceMilliseconds {
            // Older than the ledger: they may have been lost, and its job's message may wait its turn in a queue. It
            // gets as long as any job may be silent.
            isOld = isOld && serviceMilliseconds >= limit
        }
        guard snapshot.exists, isOld else {
            return snapshot.entries.filter { $0.foreign != nil }.map { foreign($0, isRemovable: false) }
        }
        if snapshot.entries.isEmpty { return [directoryVerdict(snapshot, .unknownJobDirectory)] }
        return snapshot.entries.map {
            $0.foreign == nil ? verdict($0, .unknownJobDirectory) : foreign($0, isRemovable: true)
        }
    }

    /// How long nothing was heard of a job that has not ended, in milliseconds in which its stage was served; nil when
    /// it is not too long.
    func abandonedFor(_ job: JobRow) -> Int64? {
        guard job.end == nil, let limit = maximumSilenceMilliseconds, let since = job.quietSince,
            job.quietMark == job.record.updatedAt.milliseconds
        else { return nil }
        // It waits for a stage. While nobody serves that one, it is no wonder that nothing is heard of the job.
        let stage = ServedStage(job.record.kind, job.record.stage ?? .download)
        let now = servedMilliseconds[stage] ?? serviceMilliseconds
        let (silence, overflow) = now.subtractingReportingOverflow(since)
        return !overflow && silence >= limit ? silence : nil
    }

    /// How long the job has waited for its clean-up stage, in seconds; nil when it does not, or not for long. A clock
    /// that jumps only makes the sweep do what that stage would have done next.
    func overdueFor(_ job: JobRow) -> Int64? {
        guard job.end == nil, job.record.stage == .cleanup else { return nil }
        let waited = age(job.record.updatedAt.milliseconds / 1000)
        return waited >= graceSeconds ? waited : nil
    }

    private func overdue(_ snapshot: JobDirectorySnapshot, _ ageSeconds: Int64) -> [Verdict] {
        snapshot.entries.isEmpty && snapshot.tracked.isEmpty
            ? [] : ofOneReason(.overdueCleanup, snapshot, ageSeconds: ageSeconds)
    }

    /// All that the job has, or the job itself when it has nothing.
    private func ofOneReason(_ reason: OrphanReason, _ snapshot: JobDirectorySnapshot, ageSeconds: Int64) -> [Verdict] {
        func verdict(_ name: String, _ sizeBytes: Int64) -> Verdict {
            Verdict(name: name, sizeBytes: sizeBytes, ageSeconds: ageSeconds, reason: reason)
        }
        if snapshot.entries.isEmpty { return [verdict("", 0)] }
        return snapshot.entries.map { entry in
            entry.foreign == nil ? verdict(entry.name, entry.sizeBytes) : foreign(entry, isRemovable: true)
        }
    }

    private func foreign(_ entry: JobDirectorySnapshot.Entry, isRemovable: Bool) -> Verdict {
        var verdict = verdict(entry, .foreignEntry)
        verdict.detail = entry.foreign
        verdict.isRemovable = isRemovable && !entry.isMount
        return verdict
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

extension FileStatus {
    static let otherNames = "file with other names"

    /// The kind of the entry, when no stage makes such; directories are not looked at.
    var foreignKind: String? {
        switch kind {
        case .file: linkCount > 1 ? Self.otherNames : nil
        case .symbolicLink: "symbolic link"
        case .other: "pipe, socket or device"
        case .directory: nil
        }
    }
}
