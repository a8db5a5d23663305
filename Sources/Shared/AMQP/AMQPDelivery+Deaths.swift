extension AMQPDelivery {
    /// How often a quorum queue has delivered this message before; 0 from other queues, which do not count.
    package var earlierDeliveries: Int64 {
        if case .int(let count) = headers["x-delivery-count"] { max(count, 0) } else { 0 }
    }

    /// The quorum queue that gave the message up because it was delivered too often; nil when the message did not come
    /// here for that reason.
    package var givenUpBy: AMQPText? {
        if case .string(let queue) = headers[Self.givenUpByHeader] { return queue }
        guard case .array(let deaths) = headers["x-death"] else { return nil }
        for case .table(let death) in deaths {
            if death["reason"] == "delivery_limit", case .string(let queue) = death["queue"] { return queue }
        }
        return nil
    }

    /// Gives the message back to its queue. A message that was given back `limit` times is published again at the end
    /// of the queue instead: a quorum queue counts every return, whatever its cause, and drops a message that was
    /// returned too often.
    ///
    /// The message can come again at once, so whoever calls this has paused before.
    ///
    /// - Throws: like ``acknowledge()``. The message is in the queue in any case.
    package func giveBack(by client: AMQPClient, renewingAfter limit: Int64) async throws(AMQPError) {
        guard earlierDeliveries >= limit, try await renew(by: client) else { return try await reject(requeue: true) }
    }

    /// Publishes the message again, at the end of its queue, and acknowledges this delivery.
    ///
    /// - Returns: false when the broker did not take it now, or its body is not here. The delivery is unsettled then.
    /// - Throws: like ``acknowledge()``.
    package func renew(by client: AMQPClient) async throws(AMQPError) -> Bool {
        guard !isOversized, client.state == .connected else { return false }
        do {
            try await client.publish(firstFitting: renewals, to: queue)
        } catch {
            return false
        }
        try await acknowledge()
        return true
    }
}
