extension AMQPDelivery {
    /// How often a quorum queue has delivered this message before; 0 from other queues, which do not count.
    public var earlierDeliveries: Int64 {
        if case .int(let count) = headers[Self.countHeader] { max(count, 0) } else { 0 }
    }

    /// The queue that gave the message up because it was delivered too often, when it came here for that.
    public var givenUpBy: String? {
        guard case .array(let deaths) = headers["x-death"] else { return nil }
        for case .table(let death) in deaths {
            if death["reason"] == "delivery_limit", case .string(let queue) = death["queue"] { return queue }
        }
        return nil
    }

    /// The same message for its queue once more, counted from zero.
    public var renewed: AMQPMessage {
        var headers = headers
        headers[Self.countHeader] = nil
        return AMQPMessage(
            body: body,
            messageID: messageID,
            contentType: contentType,
            isPersistent: isPersistent,
            priority: priority,
            correlationID: correlationID,
            type: type,
            headers: headers
        )
    }

    private static let countHeader = "x-delivery-count"

    /// Gives the message back to its queue. One that was given back `limit` times is put there anew, at the end, since a quorum
    /// queue counts every return, whatever its cause, and drops what was returned too often.
    ///
    /// - Throws: like ``acknowledge()``. The message is in the queue in any case.
    public func giveBack(by client: AMQPClient, renewingAfter limit: Int64) async throws(AMQPError) {
        guard earlierDeliveries >= limit, !isOversized, client.state == .connected,
            await Self.isPublished(renewed, to: queue, by: client)
        else { return try await reject(requeue: true) }
        try await acknowledge()
    }

    private static func isPublished(_ message: AMQPMessage, to queue: String, by client: AMQPClient) async -> Bool {
        do {
            try await client.publish(message, to: queue)
            return true
        } catch {
            return false
        }
    }
}
