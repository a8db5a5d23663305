/// Which of the runs of a job a message belongs to, and how often the stage was tried in it.
public struct JobRun: Sendable, Hashable {
    /// How often the job was sent back from the dead letters.
    public var redrives: Int64
    /// Retries of the stage so far.
    public var attempt: Int64

    public init(redrives: Int64 = 0, attempt: Int64 = 0) {
        self.redrives = redrives
        self.attempt = attempt
    }
}
