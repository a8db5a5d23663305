/// Keys of structured log lines.
package enum LogKey {
    package static let jobID = "job.id"
    package static let jobKind = "job.kind"
    /// The attempt of the stage, counted from 1.
    package static let jobAttempt = "job.attempt"
    package static let jobAttemptLimit = "job.attempt.limit"
    package static let jobHop = "job.hop"
    package static let jobOutcome = "job.outcome"
    package static let stageName = "stage.name"
    package static let filePath = "file.path"
    package static let fileBytes = "file.bytes"
    package static let fileCount = "file.count"
    package static let durationMilliseconds = "duration.ms"
    package static let cause = "cause"
    package static let reason = "reason"
    package static let queueName = "queue.name"
    package static let workerName = "worker.name"
    package static let processID = "process.id"
    /// The files and bytes that a stage has read and made.
    package static let inputCount = "input.count"
    package static let inputBytes = "input.bytes"
    package static let outputCount = "output.count"
    package static let outputBytes = "output.bytes"
}
