/// Keys of structured log lines.
public enum LogKey {
    public static let jobID = "job.id"
    public static let jobKind = "job.kind"
    /// Of the stage, counted from 1.
    public static let jobAttempt = "job.attempt"
    public static let jobAttemptLimit = "job.attempt.limit"
    public static let jobHop = "job.hop"
    public static let jobOutcome = "job.outcome"
    public static let stageName = "stage.name"
    public static let filePath = "file.path"
    public static let fileBytes = "file.bytes"
    public static let fileCount = "file.count"
    public static let durationMilliseconds = "duration.ms"
    public static let cause = "cause"
    public static let queueName = "queue.name"
    public static let workerName = "worker.name"
    public static let processID = "process.id"
}
