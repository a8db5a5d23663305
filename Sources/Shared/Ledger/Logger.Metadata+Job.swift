package import JobModel
internal import Logging

extension Logger.Metadata {
    package init(job: JobKey) { self = [LogKey.jobID: "\(job.id)", LogKey.jobKind: "\(job.kind.rawValue)"] }

    package func with(_ key: String, _ value: some CustomStringConvertible & Sendable) -> Self {
        var copy = self
        copy[key] = .stringConvertible(value)
        return copy
    }
}
