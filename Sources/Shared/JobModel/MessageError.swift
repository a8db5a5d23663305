/// The reason why a message cannot be a job. Such a message becomes a dead letter with this reason and is never
/// redelivered.
package struct MessageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// An open set: a receiver treats a code it does not know like any other unreadable message.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package var rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        package static let notJSON = Code(rawValue: "not_json")
        package static let notAnObject = Code(rawValue: "not_an_object")
        package static let missingField = Code(rawValue: "missing_field")
        package static let wrongType = Code(rawValue: "wrong_type")
        package static let invalidValue = Code(rawValue: "invalid_value")
        package static let unknownKind = Code(rawValue: "unknown_kind")
        package static let tooLarge = Code(rawValue: "too_large")
        /// The id is that of another job.
        package static let usedID = Code(rawValue: "used_id")
    }

    package var code: Code
    package var message: String
    /// The job's id, when the message was readable enough to have one.
    package var jobID: ByteText?
    /// The facts that the message gives about its job, where they can be read: for clients that wait for its end.
    package var mediaID: ByteText?
    package var userID: String?

    package init(
        code: Code,
        message: String,
        jobID: ByteText? = nil,
        mediaID: ByteText? = nil,
        userID: String? = nil
    ) {
        self.code = code
        self.message = message.clipped(toBytes: JobFailure.maximumMessageBytes)
        self.jobID = jobID
        self.mediaID = mediaID
        self.userID = userID
    }

    /// Why the job of a message is not taken.
    package init(code: Code, message: String, of ticket: Ticket) {
        self.init(code: code, message: message, jobID: ticket.id, mediaID: ticket.mediaID, userID: ticket.userID)
    }

    /// The same error with the facts that the message's fields give about its job, as far as they are valid.
    func about(_ fields: JSONFields) -> MessageError {
        guard jobID != nil else { return self }
        func text(_ names: [ByteText], atMost bytes: Int) -> ByteText? {
            // As it is written, a byte may take six.
            let found = names.lazy.compactMap { fields[$0] }.first { $0.count <= 6 * bytes + 2 }?.textValue
            return found.flatMap { $0.isEmpty || $0.count > bytes ? nil : $0 }
        }
        var error = self
        error.mediaID = text(["mediaId", "media_id"], atMost: Ticket.maximumMediaIDBytes)
        error.userID = text(["userId", "user_id"], atMost: ProgressUpdate.maximumUserIDBytes)?.string
        return error
    }

    package var description: String { message }
}
