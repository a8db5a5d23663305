internal import FoundationEssentials
internal import JobModel
internal import Queues

/// A job that a client submits by HTTP.
enum NewJob {
    /// Whether a source is a file of this machine. By bytes: a mark after the colon makes it another character, and
    /// still a colon.
    static func isFile(_ source: String?) -> Bool {
        source?.utf8.prefix(5).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 } == Array("file:".utf8)
    }

    /// The message of a job, without what only stages may know.
    ///
    /// - Throws: ``Problem`` that says which field is wrong and how.
    static func message(
        _ object: JSONFields,
        makeID: () -> String = { UUID().uuidString.lowercased() },
        now: Date = Date()
    ) throws(Problem) -> EntryMessage {
        var object = object
        // `null` counts as absent, as everywhere in a message.
        let hasID = object["id"].map { !$0.isNull } ?? false
        do throws(MessageError) {
            // Its job would get another id than the one that the client knows.
            if !hasID, object["job_id"] != nil {
                throw MessageError(
                    code: .missingField,
                    message:
                        "the job has a `job_id` and no `id`: send a job message, not a request of the older service"
                )
            }
            if !hasID { object["id"] = .string(makeID()) }
            let given = try Ticket(object)
            guard given.sourceKey != nil || given.source != nil else {
                throw MessageError(
                    code: .missingField,
                    message: "the job names no source: it needs `s3Key` or `source`"
                )
            }
            var ticket = Ticket(id: given.id, mediaID: given.mediaID, kind: given.kind)
            ticket.userID = given.userID
            ticket.sourceKey = given.sourceKey
            ticket.source = given.source
            ticket.destination = given.destination
            ticket.uploadURLs = given.uploadURLs
            ticket.originalFilename = given.originalFilename
            ticket.mimeType = given.mimeType
            ticket.fileSizeBytes = given.fileSizeBytes
            ticket.createdAt = given.createdAt ?? Timestamp.string(now)
            ticket.priority = given.priority
            ticket.metadata = given.metadata
            ticket.wantsThumbnails = given.wantsThumbnails
            ticket.wantsProgressUpdates = given.wantsProgressUpdates
            ticket.progressIntervalSeconds = given.progressIntervalSeconds
            ticket.unknown = given.unknown
            ticket.phase = .downloading
            return try EntryMessage(ticket)
        } catch {
            throw Problem(title: "Unusable job", status: 400, detail: error.message)
        }
    }
}
