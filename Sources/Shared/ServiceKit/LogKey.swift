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
    /// What a stage has read and made.
    public static let inputCount = "input.count"
    public static let inputBytes = "input.bytes"
    public static let outputCount = "output.count"
    public static let outputBytes = "output.bytes"

    /// Whether a key's values are numbers, which its last word tells.
    static func isNumber(_ key: String) -> Bool {
        let start = key.utf8.lastIndex(of: UInt8(ascii: ".")).map { key.utf8.index(after: $0) } ?? key.startIndex
        return key == processID || numbers.contains(String(key[start...]))
    }

    private static let numbers: Set<String> = [
        "attempt", "bytes", "count", "current", "decoded", "encoded", "errors", "failures", "frames", "hop", "kept",
        "limit", "ms", "percent", "redrives", "returned", "seconds", "starts", "terminal",
    ]
}
