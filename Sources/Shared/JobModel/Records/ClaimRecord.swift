/// A record of the log in which hosts that share a broker claim jobs. The log's order is the same for all that read it.
package struct ClaimRecord: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        case claim(JobClaim)
        /// Somebody wants the job cancelled, whichever host has it or will have it.
        case wish
    }

    /// In the log, growing from record to record.
    package var position: Int64
    package var job: JobKey
    package var content: Content

    package init(position: Int64, job: JobKey, content: Content) {
        self.position = position
        self.job = job
        self.content = content
    }
}

/// A host's claim of a job.
package struct JobClaim: Sendable, Hashable {
    /// The run and hop of the message that the host has: a later one outdoes an earlier one, and among equal ones the
    /// first stands.
    package var redrives: Int64
    package var hop: Int64
    package var node: String
    /// The host whose claim this one is to replace: the message was taken out of that host's queues by somebody.
    package var replacedNode: String?

    package init(redrives: Int64, hop: Int64, node: String, replacedNode: String? = nil) {
        self.redrives = redrives
        self.hop = hop
        self.node = node
        self.replacedNode = replacedNode
    }
}

/// The last record of a log that a host has read.
package struct ClaimsPlace: Sendable, Hashable {
    /// -1 before the first.
    package var position: Int64
    /// The id of the message there, as its writer chose it. At the same position of another log there is another one.
    package var mark: [UInt8]

    package init(position: Int64, mark: [UInt8]) {
        self.position = position
        self.mark = mark
    }
}

/// The result of noting records that were read from a log.
package enum ClaimsReading: Sendable, Hashable {
    /// They are in the ledger, now or before.
    ///
    /// - Parameter wishes: jobs of this host that are to be cancelled.
    case noted(wishes: [JobKey])
    /// Records before them have not been read; go on after the ledger's position.
    case gap
}
