internal import AMQP
internal import JobModel
internal import TempFiles

/// A record of the claims log as a message: the body is the job's id as bytes, and the other fields are headers.
enum ClaimMessage {
    /// An id has 128 characters of 4 bytes at most.
    static let maximumIDBytes = 512

    private static let claimType: AMQPText = "claim"
    private static let wishType: AMQPText = "cancel"

    /// - Parameter token: unique to this message, for whoever wrote it to find it again.
    static func message(_ content: ClaimRecord.Content, _ job: JobKey, token: String) -> AMQPMessage {
        var message = AMQPMessage(
            body: Array(job.id.utf8),
            messageID: AMQPText(token),
            contentType: nil,
            type: wishType
        )
        if case .claim(let claim) = content {
            message.type = claimType
            message.headers["redrives"] = .int(claim.redrives)
            message.headers["hop"] = .int(claim.hop)
            message.headers["node"] = .string(claim.node)
            message.headers["replaces"] = claim.replacedNode.map { .string($0) }
        }
        return message
    }

    /// The record of a message, or nil for a message that is no record: anybody may write to the log.
    static func record(_ delivery: AMQPDelivery, _ kind: MediaKind, at position: Int64) -> ClaimRecord? {
        guard (1...maximumIDBytes).contains(delivery.body.count),
            let id = ByteText(utf8: delivery.body)
        else { return nil }
        let job = JobKey(kind: kind, id: id)
        if delivery.type == wishType { return ClaimRecord(position: position, job: job, content: .wish) }
        guard delivery.type == claimType, case .int(let redrives) = delivery.headers["redrives"],
            case .int(let hop) = delivery.headers["hop"], let node = node(delivery.headers["node"])
        else { return nil }
        let claim = JobClaim(
            redrives: redrives,
            hop: hop,
            node: node,
            replacedNode: Self.node(delivery.headers["replaces"])
        )
        return ClaimRecord(position: position, job: job, content: .claim(claim))
    }

    private static func node(_ value: AMQPValue?) -> String? {
        guard case .string(let bytes) = value, let name = bytes.string, NodeName.isValid(name) else { return nil }
        return name
    }
}
