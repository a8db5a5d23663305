package import JobModel
internal import Logging

/// The metadata keys of the lines about temp files and their books.
package enum LogKey {
    package static let jobID = "job.id"
    package static let jobKind = "job.kind"
    package static let filePath = "file.path"
    package static let fileBytes = "file.bytes"
    package static let fileCount = "file.count"
    package static let cause = "cause"
    package static let reason = "reason"
    package static let durationMilliseconds = "duration.ms"
}

extension Logger.Metadata {
    package init(job: JobKey) { self = [LogKey.jobID: "\(job.id)", LogKey.jobKind: "\(job.kind.rawValue)"] }

    package func with(_ key: String, _ value: some CustomStringConvertible & Sendable) -> Self {
        var copy = self
        copy[key] = .stringConvertible(value)
        return copy
    }
}
