internal import JobModel
internal import Logging

/// The metadata keys of every line this module logs.
enum LogKey {
    static let jobID = "job.id"
    static let jobKind = "job.kind"
    static let filePath = "file.path"
    static let fileBytes = "file.bytes"
    static let fileCount = "file.count"
    static let cause = "cause"
    static let reason = "reason"
    static let durationMilliseconds = "duration.ms"
}

extension Logger.Metadata {
    init(job: JobKey) { self = [LogKey.jobID: "\(job.id)", LogKey.jobKind: "\(job.kind.rawValue)"] }

    func with(_ key: String, _ value: some CustomStringConvertible & Sendable) -> Self {
        var copy = self
        copy[key] = .stringConvertible(value)
        return copy
    }
}
