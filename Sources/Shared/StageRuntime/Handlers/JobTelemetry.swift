internal import CrashPoints
package import JobModel
internal import Logging
internal import Synchronization
package import TempFiles
internal import WorkerProtocol

/// Carries a job's progress and the sizes of its growing files to clients, supervisor and ledger, at a bounded rate.
///
/// The `note` functions may be called from any thread and as often as one likes: they only store.
package final class JobTelemetry: Sendable {
    private struct State {
        var fraction = 0.0
        var sizes: [TrackedFile: Int64] = [:]
        var percent = 0
        /// Sent so far.
        var updates = 0
        var figures = StageFigures()
        /// Clients know that the job waits, from this look or from an earlier one.
        var wait: JobWait?
    }

    private let state: Mutex<State>
    private let began: ContinuousClock.Instant
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation
    private let ticket: Ticket
    private let stage: Stage
    private let books: any JobBooks
    private let files: any JobFiles
    private let updates: UpdatePublisher
    private let status: StatusChannel
    private let interval: Duration
    private let clock: any RuntimeClock
    private let logger: Logger

    init(
        ticket: Ticket,
        stage: Stage,
        wait: JobWait? = nil,
        books: any JobBooks,
        files: any JobFiles,
        updates: UpdatePublisher,
        status: StatusChannel,
        interval: Duration,
        clock: any RuntimeClock,
        logger: Logger
    ) {
        state = Mutex(State(wait: wait))
        self.ticket = ticket
        self.stage = stage
        self.books = books
        self.files = files
        self.updates = updates
        self.status = status
        self.interval = interval
        self.clock = clock
        began = clock.now
        self.logger = logger
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How much of the stage's work is done, 0 to 1.
    package func note(fraction: Double) {
        let percent = Int((fraction.isFinite ? min(max(fraction, 0), 1) : 0) * 100)
        let (isChange, isNews) = state.withLock { state in
            defer { (state.fraction, state.percent) = (fraction, percent) }
            return (state.fraction != fraction, state.percent != percent)
        }
        if isChange { status.noteActivity() }
        if isNews {
            status.update { $0.progress = percent }
            changed.yield()
        }
    }

    /// How large a file is by now.
    package func note(bytes: Int64, of file: TrackedFile) {
        let isChange = state.withLock { state in
            defer { state.sizes[file] = bytes }
            return state.sizes[file] != bytes
        }
        if isChange { status.noteActivity() }
        changed.yield()
    }

    /// Notes the files that the stage has read, for the line that it logs at its end.
    package func note(inputs files: Int, bytes: Int64) {
        state.withLock { ($0.figures.inputs, $0.figures.inputBytes) = (files, bytes) }
    }

    /// Notes the files that the stage has made.
    package func note(outputs files: Int, bytes: Int64) {
        state.withLock { ($0.figures.outputs, $0.figures.outputBytes) = (files, bytes) }
    }

    /// Notes the files that the stage has removed.
    package func note(removed files: Int, bytes: Int64) {
        state.withLock { ($0.figures.removed, $0.figures.removedBytes) = (files, bytes) }
    }

    /// The work so far in figures.
    var summary: Logger.Metadata {
        var metadata = state.withLock { $0.figures }.metadata
        metadata[LogKey.durationMilliseconds] = "\((clock.now - began).milliseconds)"
        return metadata
    }

    /// Something got done that is neither a fraction nor bytes. A handler that tells nothing for `STALL_SECONDS` counts
    /// as stalled, and its worker is ended.
    package func noteActivity() { status.noteActivity() }

    /// Tells clients that the job waits, unless they know.
    ///
    /// - Returns: whether they did not.
    func wait(for wait: JobWait) async -> Bool {
        let isNews = state.withLock { state in
            defer { state.wait = wait }
            return state.wait != wait
        }
        if isNews { _ = await send(step: wait.rawValue, fraction: 0) }
        return isNews
    }

    /// Tells clients that the job goes on, if it has waited. A handler that may have to wait says so once it need not:
    /// until then the job still waits, however often it is looked at.
    ///
    /// - Parameter only: the wait that is over; nil for whatever it was.
    package func goOn(from only: JobWait? = nil) async {
        let past = state.withLock { state -> JobWait? in
            guard let wait = state.wait, only == nil || wait == only else { return nil }
            state.wait = nil
            return wait
        }
        switch past {
        case nil: return
        case .space: logger.info("the job waits for room no longer")
        case .otherJob: logger.info("the job waits for no other job any longer")
        }
        _ = await send(step: UpdateStep.started(stage, ticket.kind), fraction: 0)
    }

    /// Tells clients of a step that the ledger knows already, without waiting for the broker.
    ///
    /// - Parameter news: the job's progress in per cent.
    func post(step: String, news: Int) async {
        await tell(step: step, news: news, waiting: false)
    }

    /// Announces that the stage is done.
    ///
    /// - Parameter done: the ticket with what the stage has added to it.
    /// - Returns: the job's manifest by now; nil when the ledger did not tell.
    func complete(_ done: Ticket) async -> [TempFileEntry]? {
        do {
            let step = UpdateStep.completed(stage)
            let progress = JobProgress(percent: stage.jobPercent(fraction: 1), step: step, newsInterval: interval)
            let (news, manifest) = try await books.recordCompletion(done.key, progress)
            CrashPoint.progressRecorded.cross()
            if let news { await tell(step: step, news: news, waiting: true, of: done) }
            return manifest
        } catch {
            logger.warning("progress was not recorded", metadata: ["cause": "\(error)"])
            return nil
        }
    }

    /// The stage's work is over; whatever is told of the job from now on is newer.
    func retire() { state.withLock { $0.updates += 1 } }

    /// Sends what was noted until the surrounding task is cancelled.
    func run() async {
        var lastUpdate = clock.now
        var lastSizes = clock.now
        for await _ in changes {
            let now = clock.now
            if now - lastSizes >= .seconds(1) {
                lastSizes = now
                await flushSizes()
            }
            if now - lastUpdate >= interval, state.withLock({ $0.wait == nil }),
                await send(step: UpdateStep.started(stage, ticket.kind), fraction: state.withLock { $0.fraction })
            {
                lastUpdate = now
            }
        }
    }

    private func flushSizes() async {
        let sizes = state.withLock { state in
            defer { state.sizes = [:] }
            return state.sizes
        }
        guard !sizes.isEmpty else { return }
        do {
            try await files.recordSizes(sizes)
        } catch {
            logger.warning("the sizes of growing files were not recorded", metadata: ["cause": "\(error)"])
        }
    }

    /// - Returns: false when it is too early for another update.
    private func send(step: String, fraction: Double) async -> Bool {
        do {
            let percent = stage.jobPercent(fraction: fraction)
            let news = try await books.recordNews(ticket.key, percent: percent, step: step, interval: interval)
            CrashPoint.progressRecorded.cross()
            guard let news else { return false }
            await tell(step: step, news: news, waiting: true)
        } catch {
            logger.warning("progress was not recorded", metadata: ["cause": "\(error)"])
        }
        return true
    }

    /// - Parameters:
    ///   - waiting: returns when the broker has the update.
    ///   - latest: the ticket, where the stage has added to it.
    private func tell(step: String, news: Int, waiting: Bool, of latest: Ticket? = nil) async {
        let ticket = latest ?? ticket
        guard ticket.wantsProgressUpdates else { return }
        let update = ProgressUpdate(
            ticket: ticket,
            status: .processing,
            progress: news,
            currentStep: step,
            stage: stage,
            timestamp: clock.timestamp
        )
        let number = state.withLock { state in
            state.updates += 1
            return state.updates
        }
        if waiting {
            await updates.sendProgress(update)
        } else {
            await updates.postProgress(update) { [self] in state.withLock { $0.updates == number } }
        }
        CrashPoint.updateSent.cross()
    }
}
