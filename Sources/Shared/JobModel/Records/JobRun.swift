/// Which of the runs of a job a message belongs to, and how often the stage was tried in it.
package struct JobRun: Sendable, Hashable {
    /// How often the job was sent back from the dead letters.
    package var redrives: Int64
    /// Retries of the stage so far.
    package var attempt: Int64

    package init(redrives: Int64 = 0, attempt: Int64 = 0) {
        self.redrives = redrives
        self.attempt = attempt
    }
}
