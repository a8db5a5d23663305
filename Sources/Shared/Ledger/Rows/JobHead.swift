internal import FoundationEssentials
internal import GRDB
package import JobModel

/// The columns of a job that most transactions need, without the long ones.
package struct JobHead: Sendable {
    package var number: Int64
    package var state: JobRecord.State
    package var stage: Stage?
    package var hop: Int64
    package var redrives: Int64
    package var progress: Int
    package var step: String
    package var outcome: JobOutcome?
    package var isCancelRequested: Bool
    package var updateSentAt: Int64?
    /// The worker that has begun a stage and neither handed the job over nor given it back, as ``WorkerLife/text``.
    package var worker: String?
    /// How many workers died of the job.
    package var deaths: Int64
    /// SHA-256 of ``StageMessage/content``.
    package var content: [UInt8]?

    static let columns = """
        number, state, stage, hop, redrives, progress, step, outcome, isCancelRequested, updateSentAt, worker, deaths,
        content
        """

    /// nil for a row of a state that a newer version wrote.
    init?(_ row: Row) {
        guard let state = JobRecord.State(rawValue: row[1]) else { return nil }
        number = row[0]
        self.state = state
        let stage: String? = row[2]
        self.stage = stage.flatMap { Stage(rawValue: $0) }
        hop = row[3]
        redrives = row[4]
        progress = Int(clamping: row[5] as Int64)
        step = row[6]
        let outcome: String? = row[7]
        self.outcome = outcome.flatMap { JobOutcome(rawValue: $0) }
        isCancelRequested = row[8]
        updateSentAt = row[9]
        worker = row[10]
        deaths = row[11]
        let mark: Data? = row[12]
        content = mark.map { [UInt8]($0) }
    }

    /// Whether the message is of another job with this one's id. A new run of a job asks for the same.
    package func isOther(than message: StageMessage) -> Bool {
        guard let content, let asked = message.contentDigest else { return false }
        return content != asked
    }

    /// Whether the job has moved on since the message was sent.
    package func isBeyond(_ message: StageMessage) -> Bool {
        message.hop < hop || message.run.redrives < redrives
    }

    /// How the job ended, when it has.
    package var end: JobOutcome? { state == .finished ? outcome ?? .completed : nil }
}
