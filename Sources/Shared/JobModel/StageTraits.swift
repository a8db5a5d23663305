/// The differences between the stages, in one table. Code that serves every stage asks here, and compares no stages.
public struct StageTraits: Sendable, Hashable {
    // MARK: Names and order

    /// The stage's part of a queue name.
    public let queueSegment: String
    /// The `stage` of a ticket while this stage works on it.
    public let working: JobPhase
    /// The `stage` of a ticket that this stage hands on.
    public let done: JobPhase
    /// The stage's part of the whole job's progress, in per cent.
    public let percent: ClosedRange<Int>
    /// The stage that comes after this one; nil for the last.
    public let next: Stage?

    // MARK: Receiving

    /// New jobs come to this stage: from producers, from the older service's entry queue, and back from other stages.
    /// It takes no more than the host has room for.
    public let takesNewJobs: Bool
    /// A message is compared with what the job with its id has asked for.
    public let checksContent: Bool
    /// Messages that the quorum queues of other stages gave up come here, to have their jobs ended.
    public let takesGivenUpMessages: Bool
    /// How long a message waits for whoever has its job.
    public let leasePatience: Duration
    /// The fate of a message whose job another worker keeps for longer than that.
    public let heldLease: HeldLease

    public enum HeldLease: Sendable, Hashable {
        /// A copy waits in a delay queue, and the message is acknowledged.
        case parksACopy
        /// The message itself goes back to its queue.
        case goesBack
    }

    // MARK: Working

    /// Clients hear of the stage's start and of its progress.
    public let tellsClients: Bool
    /// The ledger is asked for a wish to cancel while the work goes on.
    public let watchesForCancellation: Bool
    /// A watch ticket takes the message's place when the work takes long.
    public let leavesLongWorkToWatchTicket: Bool
    /// The treatment of compressed files before the work begins.
    public let restoring: Restoring

    public enum Restoring: Sendable, Hashable {
        /// The stage reads no files.
        case nothing
        /// The extra reservation of compression is kept for the files that the stage makes.
        case keepingReservation
        /// The extra reservation of compression is given back.
        case trimmingReservation
    }

    // MARK: Settling

    /// A job whose files are gone goes from here back to download.
    public let mayReturnToDownload: Bool
    /// The stage's work ends the job: one transaction of the end and its message takes the place of a hand-over.
    public let endsJobs: Bool
}

extension Stage {
    public var traits: StageTraits {
        switch self {
        case .download: .download
        case .process: .process
        case .upload: .upload
        case .cleanup: .cleanup
        }
    }
}

extension StageTraits {
    fileprivate static let download = StageTraits(
        queueSegment: "download",
        working: .downloading,
        done: .downloaded,
        percent: 0...10,
        next: .process,
        takesNewJobs: true,
        checksContent: true,
        takesGivenUpMessages: false,
        // Producers write to the queue of downloads, whatever their messages say of themselves, and a worker that waits
        // does nothing else.
        leasePatience: .milliseconds(300),
        heldLease: .parksACopy,
        tellsClients: true,
        watchesForCancellation: true,
        leavesLongWorkToWatchTicket: true,
        restoring: .nothing,
        mayReturnToDownload: false,
        endsJobs: false
    )

    fileprivate static let process = StageTraits(
        queueSegment: "processing",
        working: .processing,
        done: .processed,
        percent: 10...80,
        next: .upload,
        takesNewJobs: false,
        checksContent: false,
        takesGivenUpMessages: false,
        leasePatience: .seconds(10),
        heldLease: .parksACopy,
        tellsClients: true,
        watchesForCancellation: true,
        leavesLongWorkToWatchTicket: true,
        restoring: .keepingReservation,
        mayReturnToDownload: true,
        endsJobs: false
    )

    fileprivate static let upload = StageTraits(
        queueSegment: "upload",
        working: .uploading,
        done: .uploaded,
        percent: 80...95,
        next: .cleanup,
        takesNewJobs: false,
        checksContent: false,
        takesGivenUpMessages: false,
        leasePatience: .seconds(10),
        heldLease: .parksACopy,
        tellsClients: true,
        watchesForCancellation: true,
        leavesLongWorkToWatchTicket: true,
        restoring: .trimmingReservation,
        mayReturnToDownload: true,
        endsJobs: false
    )

    fileprivate static let cleanup = StageTraits(
        queueSegment: "cleanup",
        working: .cleanup,
        done: .completed,
        percent: 95...100,
        next: nil,
        takesNewJobs: false,
        checksContent: false,
        takesGivenUpMessages: true,
        leasePatience: .seconds(10),
        // A copy would be another message, and it may be this one that the ledger lets end the job.
        heldLease: .goesBack,
        tellsClients: false,
        watchesForCancellation: false,
        // The end of a job is one transaction with its delivery, so that is never let go of.
        leavesLongWorkToWatchTicket: false,
        restoring: .nothing,
        mayReturnToDownload: false,
        endsJobs: true
    )
}
