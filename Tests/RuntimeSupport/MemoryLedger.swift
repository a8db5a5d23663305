import Foundation
package import JobModel
import Synchronization
import TempFiles

/// The ledger of a host in memory, as far as the runtime sees them. They outlive the processes of a simulation.
package final class MemoryLedger: Sendable {
    struct Job: Sendable {
        var record: JobRecord
        var starts: [Start: Int] = [:]
        var updateSentAt: ContinuousClock.Instant?
        var files: [TempFileEntry] = []
        var hasCompressedFiles = false
        /// Number of the lease that somebody holds.
        var lease: Int?
        var asksForSomethingElse = false
    }

    struct Start: Sendable, Hashable {
        var stage: Stage
        var hop: Int64
    }

    let simulation: Simulation
    let journal: Journal
    let jobs = Mutex<[JobKey: Job]>([:])
    private let lastLease = Atomic(0)

    package init(_ simulation: Simulation, _ journal: Journal) {
        self.simulation = simulation
        self.journal = journal
    }

    package func record(of job: JobKey) -> JobRecord? { jobs.withLock { $0[job]?.record } }

    /// Changes a job's record, as a process of another kind does.
    package func change(_ job: JobKey, _ body: (inout JobRecord) -> Void) {
        withJob(job) { body(&$0.record) }
    }

    /// Puts a file in the ledger.
    package func add(_ file: TempFileEntry, of job: JobKey, isCompressed: Bool = false) {
        withJob(job) {
            $0.files.append(file)
            if isCompressed { $0.hasCompressedFiles = true }
        }
    }

    /// Takes all files out of the ledger, as a clean-up does.
    package func removeFiles(of job: JobKey) { withJob(job) { $0.files = [] } }

    package func files(of job: JobKey) -> [TempFileEntry] { jobs.withLock { $0[job]?.files ?? [] } }

    /// Jobs whose lease somebody holds.
    package var heldJobs: [JobKey] { jobs.withLock { $0.filter { $0.value.lease != nil }.map(\.key) } }

    /// The starts of each stage of each job that nobody took back.
    package var startCounts: [Int] { jobs.withLock { $0.values.flatMap(\.starts.values) } }

    package var records: [JobRecord] { jobs.withLock { $0.values.map(\.record) } }

    /// The messages of this job are taken for those of another one that has its id.
    package func noteOtherContent(_ job: JobKey) { withJob(job) { $0.asksForSomethingElse = true } }

    @discardableResult
    func withJob<T: Sendable>(_ key: JobKey, _ body: (inout Job) -> T) -> T {
        let date = simulation.date
        return jobs.withLock { jobs in
            var job = jobs[key] ?? Job(record: JobRecord(key, mediaID: "media", at: date))
            defer { jobs[key] = job }
            return body(&job)
        }
    }

    /// Counts earlier starts of a stage that nobody took back: deaths of workers.
    package func noteDeaths(_ count: Int, of job: JobKey, in stage: Stage, hop: Int64) {
        withJob(job) { $0.starts[Start(stage: stage, hop: hop)] = count }
    }

    // MARK: - Leases

    /// - Returns: nil when somebody holds it.
    package func lock(_ job: JobKey) -> Int? {
        let number = lastLease.add(1, ordering: .relaxed).newValue
        return withJob(job) { job in
            guard job.lease == nil else { return nil }
            job.lease = number
            return number
        }
    }

    /// - Returns: whether it was held under this number.
    @discardableResult
    package func unlock(_ job: JobKey, _ number: Int) -> Bool {
        withJob(job) { job in
            guard job.lease == number else { return false }
            job.lease = nil
            return true
        }
    }

    // MARK: - Starts

    enum Answer: Sendable {
        case proceed(Job, starts: Int, news: Int?, wait: JobWait?)
        case stale(Int64)
        case finished(JobOutcome)
        case otherContent
    }

    /// As the ledger of the product does it, in one transaction.
    func begin(_ key: JobKey, _ message: StageMessage) -> Answer {
        let now = simulation.now
        return withJob(key) { job in
            if job.asksForSomethingElse { return .otherContent }
            if job.record.state == .finished {
                guard message.run.redrives > job.record.redrives else {
                    return .finished(job.record.outcome ?? .completed)
                }
                let fresh = JobRecord(key, mediaID: job.record.mediaID, at: job.record.createdAt)
                job.record = fresh
                job.record.redrives = message.run.redrives
            }
            if message.hop < job.record.hop || message.run.redrives < job.record.redrives {
                return .stale(job.record.hop)
            }
            let wait = job.record.stage == message.stage ? JobWait(rawValue: job.record.step) : nil
            job.record.hop = message.hop
            job.record.stage = message.stage
            job.record.attempt = message.run.attempt
            job.record.redrives = message.run.redrives
            job.starts[Start(stage: message.stage, hop: message.hop), default: 0] += 1
            var news: Int?
            if let progress = message.progress, !job.record.isCancelRequested, wait == nil {
                news = Self.note(progress, &job, now)
            }
            let starts = job.starts[Start(stage: message.stage, hop: message.hop)] ?? 1
            return .proceed(job, starts: starts, news: news, wait: wait)
        }
    }

    /// - Returns: the progress to tell; nil when it is too early.
    static func note(_ progress: JobProgress, _ job: inout Job, _ now: ContinuousClock.Instant) -> Int? {
        job.record.progress = max(job.record.progress, min(max(progress.percent, 0), 100))
        defer { job.record.step = progress.step }
        guard let interval = progress.newsInterval else { return nil }
        let isNews = progress.step != job.record.step || job.updateSentAt.map { now - $0 >= interval } ?? true
        if isNews { job.updateSentAt = now }
        return isNews ? job.record.progress : nil
    }
}
