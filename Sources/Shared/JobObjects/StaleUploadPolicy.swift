internal import JobModel

/// Why an open upload is nobody's.
package enum StaleUploadReason: String, Sendable, Hashable, CaseIterable, Codable {
    /// It is of a job of this host that has ended.
    case endedJob
    /// No job of this host puts such an object.
    case unknownUpload
}

/// Decides which open uploads are nobody's. Pure: nobody is asked.
///
/// A store does not tell who has begun an upload, and several hosts may share a bucket. Those of this host's jobs are
/// in its ledger. All others are another host's, or of a job that the ledger has forgotten; only their age tells.
struct StaleUploadPolicy: Sendable {
    /// Whose the upload is, as this host's ledger knows.
    enum Owner: Sendable, Hashable {
        /// It is of a job that has not ended, or under a key of one.
        case underWay
        /// It is in the books of a job that has ended, by the store's name of it. That a job has left an object under
        /// the key proves nothing: a job of another host may go on there.
        case ended(JobKey, secondsAgo: Int64)
        case unknown
    }

    struct Verdict: Sendable, Hashable {
        var reason: StaleUploadReason
        var job: JobKey?
        var isRemovable: Bool
    }

    /// A younger upload is not spoken of.
    var graceSeconds: Int64
    /// So old must be an upload that may be another host's: no job is silent for longer.
    var maximumAgeSeconds: Int64

    /// - Parameter ageSeconds: nil when the store does not tell; then nothing is removed.
    /// - Returns: nil for an upload that is somebody's, or that is too young to tell.
    func verdict(ageSeconds: Int64?, _ owner: Owner) -> Verdict? {
        if let ageSeconds, ageSeconds < graceSeconds { return nil }
        switch owner {
        case .underWay: return nil
        // One that was begun after that is somebody else's.
        case .ended(let job, let seconds) where ageSeconds ?? -1 >= seconds:
            return Verdict(reason: .endedJob, job: job, isRemovable: true)
        case .ended, .unknown:
            let isOld = ageSeconds.map { $0 >= max(graceSeconds, maximumAgeSeconds) } ?? false
            return Verdict(reason: .unknownUpload, isRemovable: isOld)
        }
    }
}
