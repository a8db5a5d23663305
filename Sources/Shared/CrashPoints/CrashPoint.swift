/// The places between two durable steps of a job. Tests end a process at each of them; in a release build, crossing one
/// does nothing.
package enum CrashPoint: String, CaseIterable, Sendable {
    // Every stage, in the order of a job.
    case delivered
    case jobRowCommitted = "job-row-committed"
    case jobDirectoryMade = "job-directory-made"
    case leaseFileMade = "lease-file-made"
    case leaseLocked = "lease-locked"
    case startCounted = "start-counted"
    case progressRecorded = "progress-recorded"
    case updateSent = "update-sent"
    case stageWorked = "stage-worked"
    case completionAnnounced = "completion-announced"
    case handOverConfirmed = "hand-over-confirmed"
    case handOverRecorded = "hand-over-recorded"
    case leaseReleased = "lease-released"
    case acknowledged
    // Files.
    case fileRowsCommitted = "file-rows-committed"
    case subdirectoriesMade = "subdirectories-made"
    case spaceReserved = "space-reserved"
    case fileCreated = "file-created"
    /// The mark of a version is off a source's file, whatever is in it.
    case sourceUnmarked = "source-unmarked"
    case sourceEmptied = "source-emptied"
    case sourceMarked = "source-marked"
    /// What an earlier worker has left of a source is good, and more of it comes.
    case sourceContinued = "source-continued"
    case pieceWritten = "piece-written"
    /// All of a source is there, and its file has no mark any more.
    case sourceWhole = "source-whole"
    case outputBegun = "output-begun"
    case fileSynced = "file-synced"
    case directorySynced = "directory-synced"
    case fileRowsPresent = "file-rows-present"
    // Upload.
    case reservationTrimmed = "reservation-trimmed"
    case objectsPlanned = "objects-planned"
    case uploadBegun = "upload-begun"
    case uploadNoted = "upload-noted"
    case objectWritten = "object-written"
    case replacementNoted = "replacement-noted"
    case replacementLinked = "replacement-linked"
    case objectLinked = "object-linked"
    case objectDurable = "object-durable"
    case outputNoted = "output-noted"
    case outputReleased = "output-released"
    // Clean-up, of a job that did not complete first.
    case uploadsAborted = "uploads-aborted"
    case objectRemoved = "object-removed"
    case objectForgotten = "object-forgotten"
    case entryRemoved = "entry-removed"
    case removalRecorded = "removal-recorded"
    case leaseFileRemoved = "lease-file-removed"
    case jobDirectoryRemoved = "job-directory-removed"
    case endRecorded = "end-recorded"
    case endCommitted = "end-committed"
    case endNoted = "end-noted"
    // A file of a waiting job is compressed, and restored.
    case compressionPlanned = "compression-planned"
    case compressedFileSynced = "compressed-file-synced"
    case compressedFileRenamed = "compressed-file-renamed"
    case compressionRecorded = "compression-recorded"
    case restorePlanned = "restore-planned"
    case restoredFileSynced = "restored-file-synced"
    case restoredFileRenamed = "restored-file-renamed"
    case restoreRecorded = "restore-recorded"
    // A file of a waiting job is spilled, and fetched back; its object is deleted.
    case spillPlanned = "spill-planned"
    case spilledObjectPut = "spilled-object-put"
    case spillRecorded = "spill-recorded"
    case spilledFileRemoved = "spilled-file-removed"
    case spilledSpaceGiven = "spilled-space-given"
    case fetchReserved = "fetch-reserved"
    case fetchedFileSynced = "fetched-file-synced"
    case fetchRecorded = "fetch-recorded"
    case spilledObjectDeleted = "spilled-object-deleted"
    case spilledObjectForgotten = "spilled-object-forgotten"
    // Work that takes long.
    case watchConfirmed = "watch-confirmed"
    case watchAcknowledged = "watch-acknowledged"
    case watchParked = "watch-parked"
    // A job goes to another queue as it is: one of several hosts takes it, or it came in the older service's entry
    // queue.
    case moved = "moved"
    case moveConfirmed = "move-confirmed"
    case claimConfirmed = "claim-confirmed"
    case claimDecided = "claim-decided"
    // A bucket's event.
    case eventJobConfirmed = "event-job-confirmed"
    // A stage that failed.
    case retryRecorded = "retry-recorded"
    case retryConfirmed = "retry-confirmed"
    case retryOvertook = "retry-overtook"
    case deadLetterConfirmed = "dead-letter-confirmed"
    case refusalConfirmed = "refusal-confirmed"

    #if DEBUG
        package func cross() { CrashOrder.listener?.cross(self) }
    #else
        @inlinable package func cross() {}
    #endif
}
