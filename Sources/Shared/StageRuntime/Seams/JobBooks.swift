package import JobModel
package import TempFiles

/// The runtime's side of the job store: what a worker asks and writes of a job. In the product the
/// ledger is behind it, in tests a substitute in memory.
package protocol JobBooks: Sendable {
    /// Gets the right to work on a job, waiting for a holder to give it up, and counts the start of the stage.
    ///
    /// - Parameter patience: zero tries once.
    /// - Throws: `TempFileError` with code `cancelled` when the waiting task is cancelled.
    func enter(
        _ job: JobKey,
        _ message: StageMessage,
        patience: Duration
    ) async throws(TempFileError) -> JobEntry

    /// Whether the message is of another job with the id of the one that is in the ledger.
    func isOther(_ message: StageMessage, of job: JobKey) async throws(TempFileError) -> Bool
    /// The presence of a job, as far as this host knows.
    func presence(of job: JobKey, or other: MediaKind?, node: String?) async throws(TempFileError) -> JobPresence
    /// The host that has claimed the message of a job with this run and hop, or a later one of that job.
    func claimant(of job: JobKey, redrives: Int64, hop: Int64) async throws(TempFileError) -> String?
    /// Whether jobs of this kind wait for space, or the ledger's disk is full.
    func isShortOfSpace(for kind: MediaKind) async throws(TempFileError) -> Bool
    func isCancelRequested(_ job: JobKey) async throws(TempFileError) -> Bool

    /// Takes a start back: the stage was drained, which is no fault of the job.
    func handBack(_ job: JobKey, stage: Stage, hop: Int64, start: Int) async throws(TempFileError)
    /// Takes a start back that ended with a failure, and records what the next one begins with.
    func willRetry(
        _ job: JobKey,
        stage: Stage,
        hop: Int64,
        start: Int,
        attempt: Int64,
        ticket: [UInt8]
    ) async throws(TempFileError)
    /// Records that the message for a stage is confirmed. `hop` is that message's.
    func handedOver(_ job: JobKey, to stage: Stage, hop: Int64) async throws(TempFileError)

    /// Records progress that clients are to hear of.
    ///
    /// - Returns: the progress to tell; nil when it is too early.
    func recordNews(
        _ job: JobKey,
        percent: Int,
        step: String,
        interval: Duration
    ) async throws(TempFileError) -> Int?
    /// As ``recordNews(_:percent:step:interval:)``, for a stage that is done; returns the manifest as well.
    func recordCompletion(
        _ job: JobKey,
        _ progress: JobProgress
    ) async throws(TempFileError) -> (news: Int?, manifest: [TempFileEntry])
}

/// The end of a job in the ledger. The runtime gives this to the stage that ends jobs, and to no other.
package protocol JobEndBooks: Sendable {
    func job(_ key: JobKey) async throws(TempFileError) -> JobRecord?
    /// Claims the job's end and records it, as one.
    ///
    /// - Returns: the finished job; nil when another message has claimed the end and not recorded it.
    func end(
        _ job: JobKey,
        outcome: JobOutcome,
        token: String,
        record: [UInt8],
        progress: JobProgress?
    ) async throws(TempFileError) -> JobRecord?
    /// Gives a finished job's end, which nobody has announced, to another message.
    ///
    /// - Returns: false when it is too early, or when the end was announced or given to another message since.
    func takeOverEnd(_ end: JobRecord, token: String, after patience: Duration) async throws(TempFileError) -> Bool
    /// Records that the broker has the terminal update of a finished job.
    func noteAnnounced(_ end: JobRecord, keeping kept: [UInt8]?) async throws(TempFileError)
}

/// The runtime's side of a job's temp files.
package protocol JobFiles: Sendable {
    /// The counts of removed files so far.
    var cleaningCounters: CleaningCounters { get }
    /// The job's manifest.
    func jobTempFiles(_ job: JobKey) async throws(TempFileError) -> [TempFileEntry]
    func recordSizes(_ sizes: [TrackedFile: Int64]) async throws(TempFileError)
    /// Restores a job's compressed files.
    ///
    /// - Returns: how many there were.
    func restoreFiles(
        _ job: JobKey,
        within budget: DiskBudget,
        onActivity: @escaping @Sendable () -> Void
    ) async throws(TempFileError) -> Int
    /// Fetches those spilled files of a job back that a stage needs.
    ///
    /// - Parameter didReserve: called once there is room for them.
    func fetchSpilledFiles(
        _ job: JobKey,
        _ wish: FetchWish,
        from store: any SpillStore,
        didReserve: @Sendable () async -> Void,
        onActivity: @escaping @Sendable () -> Void
    ) async throws -> FetchReport
    /// Gives back what a job has reserved and does not use.
    func trimReservation(_ job: JobKey) async throws(TempFileError)
}

/// The answer to a message that asks a stage to work on a job.
package enum JobEntry: Sendable {
    case entered(EnteredJob)
    /// Another holder kept the job's lease for the whole time.
    case held
    /// A late duplicate: the job has moved on.
    case stale(currentHop: Int64)
    /// The ledger remembers the job as over.
    case finished(JobOutcome)
    /// The id is that of a job that asks for something else: one that goes on, or one that is over.
    case otherContent
}

/// A job that a stage may work on.
package struct EnteredJob: Sendable {
    package let lease: any HeldLease
    /// How often this stage was started on this hop, this time included.
    package let starts: Int
    /// The job is to end with outcome `cancelled`.
    package var isCancelRequested = false
    /// The progress to tell clients, in per cent; nil when they were told a moment ago.
    package var news: Int?
    /// The job waits in this stage, and clients know. Nothing new was recorded but the start.
    package var wait: JobWait?
    /// The job's files in the ledger at the start.
    package var files: [TempFileEntry] = []
    /// Some of them have to be restored before they are read.
    package var hasCompressedFiles = false
    /// Some of them are in the spill store, or were about to be put there.
    package var hasSpilledFiles = false
    /// Workers that died of the job so far, the oldest first.
    package var deaths: [JobEvent] = []

    package init(lease: any HeldLease, starts: Int) {
        self.lease = lease
        self.starts = starts
    }
}

/// The right to work on a job, until it is given up. It ends with its process.
package protocol HeldLease: Sendable {
    /// Gives the lease up now. Again does nothing.
    func release()
}
