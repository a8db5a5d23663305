import Foundation
package import JobModel
package import StageRuntime
import Synchronization
package import TempFiles

/// The ledger as one process sees them: what it writes stays, the leases that it holds end with it, and any step can
/// fail.
package final class MemoryBooks: Sendable {
    package enum Step: String, Sendable, Hashable, CaseIterable {
        case enter, isCancelRequested, handBack, willRetry, handedOver, recordNews, recordCompletion, jobTempFiles
        case end, takeOverEnd, noteAnnounced, job, restoreFiles, trimReservation
    }

    let ledger: MemoryLedger
    let process: SimulatedProcess
    private var journal: Journal { ledger.journal }
    /// Asked before each step, whether it fails.
    private let fails: @Sendable (Step) -> Bool

    package init(
        _ ledger: MemoryLedger,
        _ process: SimulatedProcess,
        fails: @escaping @Sendable (Step) -> Bool = { _ in false }
    ) {
        self.ledger = ledger
        self.process = process
        self.fails = fails
    }

    package static let failure = TempFileError(code: .ledgerBusy, message: "the ledger fails", isRetriable: true)

    /// A step of the ledger: the process may die before it, and after it.
    private func step<T: Sendable>(
        _ step: Step,
        _ words: String?,
        _ body: () -> T
    ) async throws(TempFileError) -> T {
        await Task.yield()
        if fails(step) {
            journal.note("!\(step.rawValue)")
            throw Self.failure
        }
        let result = body()
        if let words { journal.note(words) }
        await Task.yield()
        return result
    }
}

extension MemoryBooks: JobBooks {
    package func enter(
        _ job: JobKey,
        _ message: StageMessage,
        patience: Duration
    ) async throws(TempFileError) -> JobEntry {
        await Task.yield()
        if fails(.enter) {
            journal.note("!enter")
            throw Self.failure
        }
        let deadline = process.now + patience
        while true {
            if let known = ledger.record(of: job), known.state == .finished,
                message.run.redrives <= known.redrives
            {
                return answer("finished", .finished(known.outcome ?? .completed))
            }
            if let number = ledger.lock(job) { return begin(job, message, number) }
            guard process.now < deadline else { return answer("held", .held) }
            do { try await process.sleep(for: .milliseconds(50)) } catch {
                throw TempFileError(code: .cancelled, message: "cancelled", isRetriable: true)
            }
        }
    }

    private func begin(_ job: JobKey, _ message: StageMessage, _ number: Int) -> JobEntry {
        switch ledger.begin(job, message) {
        case .finished(let outcome):
            ledger.unlock(job, number)
            return answer("finished", .finished(outcome))
        case .stale(let hop):
            ledger.unlock(job, number)
            return answer("stale", .stale(currentHop: hop))
        case .otherContent:
            ledger.unlock(job, number)
            return answer("other", .otherContent)
        case .proceed(let known, let starts, let news, let wait):
            var entered = EnteredJob(lease: MemoryLease(job, number, self), starts: starts)
            entered.isCancelRequested = known.record.isCancelRequested
            entered.news = news
            entered.wait = wait
            entered.files = known.files
            entered.hasCompressedFiles = known.hasCompressedFiles
            return answer("enter", .entered(entered))
        }
    }

    private func answer(_ words: String, _ entry: JobEntry) -> JobEntry {
        journal.note(words)
        return entry
    }

    package func isOther(_ message: StageMessage, of job: JobKey) async throws(TempFileError) -> Bool {
        ledger.withJob(job) { $0.asksForSomethingElse }
    }

    package func presence(
        of job: JobKey,
        or other: MediaKind?,
        node: String?
    ) async throws(TempFileError) -> JobPresence {
        guard let known = ledger.record(of: job) else { return .none }
        return known.state != .finished ? .live : known.announcedAt == nil ? .ending : .none
    }

    package func claimant(of job: JobKey, redrives: Int64, hop: Int64) async throws(TempFileError) -> String? { nil }
    package func isShortOfSpace(for kind: MediaKind) async throws(TempFileError) -> Bool { false }

    package func isCancelRequested(_ job: JobKey) async throws(TempFileError) -> Bool {
        try await step(.isCancelRequested, nil) { ledger.record(of: job)?.isCancelRequested ?? false }
    }

    package func handBack(_ job: JobKey, stage: Stage, hop: Int64, start: Int) async throws(TempFileError) {
        try await step(.handBack, "book back") { takeBack(job, stage, hop, start) }
    }

    private func takeBack(_ job: JobKey, _ stage: Stage, _ hop: Int64, _ start: Int) {
        ledger.withJob(job) { job in
            let key = MemoryLedger.Start(stage: stage, hop: hop)
            if job.starts[key] == start { job.starts[key] = start - 1 }
        }
    }

    package func willRetry(
        _ job: JobKey,
        stage: Stage,
        hop: Int64,
        start: Int,
        attempt: Int64,
        ticket: [UInt8]
    ) async throws(TempFileError) {
        try await step(.willRetry, "book retry a\(attempt)") {
            takeBack(job, stage, hop, start)
            ledger.withJob(job) { if $0.record.state == .active { $0.record.attempt = attempt } }
        }
    }

    package func handedOver(_ job: JobKey, to stage: Stage, hop: Int64) async throws(TempFileError) {
        try await step(.handedOver, "book \(stage.rawValue) \(hop)") {
            ledger.withJob(job) { job in
                guard job.record.hop <= hop, job.record.state != .finished else { return }
                (job.record.hop, job.record.stage) = (hop, stage)
            }
        }
    }

    package func recordNews(
        _ job: JobKey,
        percent: Int,
        step name: String,
        interval: Duration
    ) async throws(TempFileError) -> Int? {
        let progress = JobProgress(percent: percent, step: name, newsInterval: interval)
        let now = process.now
        if ledger.record(of: job)?.state == .finished {
            throw TempFileError(code: .jobFinished, message: "the job is over", isRetriable: false)
        }
        return try await step(.recordNews, "book \(name)") {
            ledger.withJob(job) { MemoryLedger.note(progress, &$0, now) }
        }
    }

    package func recordCompletion(
        _ job: JobKey,
        _ progress: JobProgress
    ) async throws(TempFileError) -> (news: Int?, manifest: [TempFileEntry]) {
        let now = process.now
        return try await step(.recordCompletion, "book \(progress.step)") {
            ledger.withJob(job) { (MemoryLedger.note(progress, &$0, now), $0.files) }
        }
    }
}

extension MemoryBooks: JobEndBooks {
    package func job(_ key: JobKey) async throws(TempFileError) -> JobRecord? {
        try await step(.job, nil) { ledger.record(of: key) }
    }

    package func end(
        _ job: JobKey,
        outcome: JobOutcome,
        token: String,
        record: [UInt8],
        progress: JobProgress?
    ) async throws(TempFileError) -> JobRecord? {
        let date = process.date
        return try await step(.end, "book end \(outcome.rawValue)") {
            ledger.withJob(job) { job in
                guard job.record.state != .finished else { return job.record }
                if let progress { job.record.progress = progress.percent }
                job.record.state = .finished
                job.record.outcome = outcome
                job.record.finishToken = token
                job.record.record = record
                job.record.finishedAt = date
                job.record.leftFiles = Int64(job.files.count)
                job.starts = [:]
                return job.record
            }
        }
    }

    package func takeOverEnd(
        _ end: JobRecord,
        token: String,
        after patience: Duration
    ) async throws(TempFileError) -> Bool {
        let before = process.date.addingTimeInterval(-Double(patience.components.seconds))
        let isTaken = try await step(.takeOverEnd, nil) {
            ledger.withJob(end.key) { job in
                guard job.record.announcedAt == nil, job.record.finishToken == end.finishToken,
                    let finished = job.record.finishedAt, finished < before
                else { return false }
                job.record.finishToken = token
                return true
            }
        }
        if isTaken { journal.note("book end taken over") }
        return isTaken
    }

    package func noteAnnounced(_ end: JobRecord, keeping kept: [UInt8]?) async throws(TempFileError) {
        let date = process.date
        try await step(.noteAnnounced, "book announced") {
            ledger.withJob(end.key) { job in
                if job.record.state == .finished, job.record.redrives == end.redrives, job.record.announcedAt == nil {
                    job.record.announcedAt = date
                }
            }
        }
    }
}

extension MemoryBooks: JobFiles {
    package var cleaningCounters: CleaningCounters { CleaningCounters() }

    package func jobTempFiles(_ job: JobKey) async throws(TempFileError) -> [TempFileEntry] {
        try await step(.jobTempFiles, "book manifest") { ledger.files(of: job) }
    }

    package func recordSizes(_ sizes: [TrackedFile: Int64]) async throws(TempFileError) {}

    package func restoreFiles(
        _ job: JobKey,
        within budget: DiskBudget,
        onActivity: @escaping @Sendable () -> Void
    ) async throws(TempFileError) -> Int {
        try await step(.restoreFiles, "restore") { 1 }
    }

    package func fetchSpilledFiles(
        _ job: JobKey,
        _ wish: FetchWish,
        from store: any SpillStore,
        didReserve: @Sendable () async -> Void,
        onActivity: @escaping @Sendable () -> Void
    ) async throws -> FetchReport {
        // No simulated job has any.
        FetchReport()
    }

    package func trimReservation(_ job: JobKey) async throws(TempFileError) {
        try await step(.trimReservation, "trim") {}
    }
}

/// A lease that ends with its process.
private final class MemoryLease: HeldLease {
    private let job: JobKey
    private let number: Int
    private let ledger: MemoryLedger

    init(_ job: JobKey, _ number: Int, _ books: MemoryBooks) {
        (self.job, self.number, ledger) = (job, number, books.ledger)
        books.process.whenDead { [ledger] in ledger.unlock(job, number) }
    }

    func release() {
        if ledger.unlock(job, number) { ledger.journal.note("release") }
    }
}
