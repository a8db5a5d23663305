/// A step of every job, and the process that does it.
package enum Stage: String, Sendable, Hashable, CaseIterable, Codable {
    case download
    case process
    case upload
    case cleanup

    /// The stage's part of a queue name.
    package var queueSegment: String { traits.queueSegment }

    /// The `stage` of a ticket while this stage works on it.
    package var working: JobPhase { traits.working }

    /// The `stage` of a ticket that this stage hands on.
    package var done: JobPhase { traits.done }

    package var next: Stage? { traits.next }

    /// The whole job's progress, 0 to 100, when this stage has done `fraction`, 0 to 1, of its work.
    package func jobPercent(fraction: Double) -> Int {
        let (start, end) = (Double(traits.percent.lowerBound), Double(traits.percent.upperBound))
        let bounded = fraction.isFinite ? min(max(fraction, 0), 1) : 0
        return Int(start + (end - start) * bounded)
    }
}

/// Where a job is: the `stage` and `previousStage` of a job message.
package enum JobPhase: String, Sendable, Hashable, CaseIterable, Codable {
    case downloading = "DOWNLOADING"
    case downloaded = "DOWNLOADED"
    case processing = "PROCESSING"
    case processed = "PROCESSED"
    case uploading = "UPLOADING"
    case uploaded = "UPLOADED"
    case cleanup = "CLEANUP"
    case completed = "COMPLETED"
    case failed = "FAILED"
}

/// How a job ended.
package enum JobOutcome: String, Sendable, Hashable, CaseIterable, Codable {
    case completed
    case failed
    case cancelled
}
