internal import FoundationEssentials
internal import GRDB
package import JobModel

/// A job's row.
package struct JobRow: Sendable {
    package var number: Int64
    /// The name of the job's directory within its kind.
    package var directory: String
    package var record: JobRecord
    /// Service time at which the job was first seen silent, and its `updatedAt` then, both in milliseconds.
    package var quietSince: Int64?
    package var quietMark: Int64?
    /// The ticket of the last start.
    package var ticket: [UInt8]?
    package var hasFiles: Bool

    static let columns = """
        number, kind, id, directory, media, source, state, stage, hop, progress, step, outcome, finishToken,
        isCancelRequested, record, createdAt, updatedAt, finishedAt, quietSince, quietMark, ticket, fileCount,
        attempt, redrives, announcedAt, leftFiles, leftBytes, leftObjects
        """

    /// nil for a row of a kind or state that a newer version wrote.
    init?(_ row: Row) {
        guard let kind = MediaKind(rawValue: row["kind"]), let state = JobRecord.State(rawValue: row["state"]) else {
            return nil
        }
        number = row["number"]
        directory = row["directory"]
        let id: Data = row["id"]
        let stage: String? = row["stage"]
        let outcome: String? = row["outcome"]
        let finishedAt: Int64? = row["finishedAt"]
        let announcedAt: Int64? = row["announcedAt"]
        let final: Data? = row["record"]
        let progress: Int64 = row["progress"]
        let lastTicket: Data? = row["ticket"]
        let (media, source): (Data, Data?) = (row["media"], row["source"])
        let fileCount: Int64 = row["fileCount"]
        hasFiles = fileCount > 0
        quietSince = row["quietSince"]
        quietMark = row["quietMark"]
        ticket = lastTicket.map { [UInt8]($0) }
        record = JobRecord(
            key: JobKey(kind: kind, id: ByteText(String(decoding: id, as: UTF8.self))),
            mediaID: ByteText(String(decoding: media, as: UTF8.self)),
            source: source.map { ByteText(String(decoding: $0, as: UTF8.self)) },
            state: state,
            stage: stage.flatMap { Stage(rawValue: $0) },
            hop: row["hop"],
            attempt: row["attempt"],
            redrives: row["redrives"],
            progress: Int(clamping: progress),
            step: row["step"],
            outcome: outcome.flatMap { JobOutcome(rawValue: $0) },
            finishToken: row["finishToken"],
            isCancelRequested: row["isCancelRequested"],
            createdAt: Date(milliseconds: row["createdAt"]),
            updatedAt: Date(milliseconds: row["updatedAt"]),
            finishedAt: finishedAt.map { Date(milliseconds: $0) },
            announcedAt: announcedAt.map { Date(milliseconds: $0) },
            leftFiles: row["leftFiles"],
            leftBytes: row["leftBytes"],
            record: final.map { [UInt8]($0) }
        )
        record.leftObjects = row["leftObjects"]
    }

    /// How the job ended, when it has.
    package var end: JobOutcome? { record.state == .finished ? record.outcome ?? .completed : nil }
}
