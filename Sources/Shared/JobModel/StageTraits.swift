/// The differences between the stages, in one table. Code that serves every stage asks here, and compares no stages.
package struct StageTraits: Sendable, Hashable {
    // MARK: Names and order

    /// The stage's part of a queue name.
    package let queueSegment: String
    /// The `stage` of a ticket while this stage works on it.
    package let working: JobPhase
    /// The `stage` of a ticket that this stage hands on.
    package let done: JobPhase
    /// The stage's part of the whole job's progress, in per cent.
    package let percent: ClosedRange<Int>
    /// The stage that comes after this one; nil for the last.
    package let next: Stage?

    // MARK: Receiving

    /// New jobs come to this stage: from producers, from the older service's entry queue, and back from other stages.
    /// It takes no more than the host has room for.
    package let takesNewJobs: Bool
    /// A message is compared with what the job with its id has asked for.
    package let checksContent: Bool
    /// Messages that the quorum queues of other stages gave up come here, to have their jobs ended.
    package let takesGivenUpMessages: Bool
    /// How long a message waits for whoever has its job.
    package let leasePatience: Duration
    /// The fate of a message whose job another worker keeps for longer than that.
    package let heldLease: HeldLease

    package enum HeldLease: Sendable, Hashable {
        /// A copy waits in a delay queue, and the message is acknowledged.
        case parksACopy
        /// The message itself goes back to its queue.
        case goesBack
    }

    // MARK: Working

    /// Clients hear of the stage's start and of its progress.
    package let tellsClients: Bool
    /// The ledger is asked for a wish to cancel while the work goes on.
    package let watchesForCancellation: Bool
    /// A watch ticket takes the message's place when the work takes long.
    package let leavesLongWorkToWatchTicket: Bool
    /// The files of the job that the stage reads; those that were spilled are fetched back before the work begins.
    package let needs: Needs

    package enum Needs: Sendable, Hashable {
        case nothing
        case source
        case outputs
    }

    /// The treatment of compressed files before the work begins.
    package let restoring: Restoring

    package enum Restoring: Sendable, Hashable {
        /// The stage reads no files.
        case nothing
        /// The extra reservation of compression is kept for the files that the stage makes.
        case keepingReservation
        /// The extra reservation of compression is given back.
        case trimmingReservation
    }

    // MARK: Settling

    /// A job whose files are gone goes from here back to download.
    package let mayReturnToDownload: Bool
    /// The stage's work ends the job: one transaction of the end and its message takes the place of a hand-over.
    package let endsJobs: Bool
}

extension Stage {
    package var traits: StageTraits {
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
        needs: .nothing,
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
        needs: .source,
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
        needs: .outputs,
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
        needs: .nothing,
        restoring: .nothing,
        mayReturnToDownload: false,
        endsJobs: true
    )
}
