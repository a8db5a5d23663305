package import JobModel

/// Why a file in the workspace is nobody's.
package enum OrphanReason: String, Sendable, Hashable, CaseIterable, Codable {
    /// In the directory of a job, or beside the jobs, not in the ledger, and older than the grace time.
    case unknownFile
    /// The job is finished.
    case finishedJob
    /// In a directory of no job that is in the ledger, all of it older than the grace time.
    case unknownJobDirectory
    /// In the ledger, not on disk, and nobody works on the job.
    case missingFile
    /// The entry belongs to a job that has not ended, that nobody works on, and that has been silent for too long.
    case abandonedJob
    /// The job waits for its clean-up stage, which does not come to it. No stage needs the file any more.
    case overdueCleanup
    /// Nothing that a stage makes: a link, a file that has other names, a pipe, a socket, a device, a mounted file
    /// system, or a directory in a file's place. Its own name may go; what it leads to is never touched.
    case foreignEntry
    /// In the spill store, and in no ledger: not in this host's own, or so old that no other host can have it.
    case spilledObject
}

/// A file, or a row of the ledger, that a sweep would remove.
package struct OrphanedFile: Sendable, Hashable {
    /// Absolute; the URL of a spilled object.
    package var path: String
    /// 0 for a missing file.
    package var sizeBytes: Int64
    /// Since the last change by the wall clock, or for an abandoned job the time of service without a sign of it; zero
    /// when the change lies in the future.
    package var age: Duration
    /// nil for what lies beside the jobs of all kinds.
    package var kind: MediaKind?
    /// The job, when it is known.
    package var job: JobKey?
    package var reason: OrphanReason
    /// The kind of entry, where that is the reason: `symbolic link`, `mounted file system`, …
    package var detail: String?
    /// Whether a sweep now would remove it, or have it removed. Else it is only reported.
    package var isRemovable: Bool
}

/// The rules of a sweep.
package struct SweepRules: Sendable, Hashable {
    /// How old something unknown must be.
    package var graceTime: Duration
    /// How long nothing may be heard of a job that nobody works on, in time in which its stage was served; nil: for
    /// ever.
    package var maximumSilence: Duration?

    package init(graceTime: Duration, maximumSilence: Duration? = nil) {
        self.graceTime = graceTime
        self.maximumSilence = maximumSilence
    }
}

/// A job to be ended because nobody works on it. Its lease is held meanwhile.
package struct AbandonedJob: Sendable {
    package var record: JobRecord
    /// The message of its last start as JSON; nil when it never started.
    package var ticket: [UInt8]?
    /// Time of service without a sign of it.
    package var silence: Duration

    package init(record: JobRecord, ticket: [UInt8]?, silence: Duration) {
        self.record = record
        self.ticket = ticket
        self.silence = silence
    }
}

/// How an abandoned job was given to the clean-up stage.
package struct AbandonedHandOver: Sendable {
    /// The hop of the message that the broker has confirmed.
    package var hop: Int64
    /// That message's `transfer`.
    package var token: String

    package init(hop: Int64, token: String) {
        self.hop = hop
        self.token = token
    }
}

/// Publishes the message that makes the clean-up stage end a job, and returns when the broker has confirmed it.
package typealias AbandonedJobEnder = @Sendable (AbandonedJob) async throws -> AbandonedHandOver
