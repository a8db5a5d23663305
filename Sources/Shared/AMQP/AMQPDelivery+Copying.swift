/// Copies of a received message: as a dead letter, or in its own queue once more. Only this extension makes such
/// copies.
extension AMQPDelivery {
    /// The header that keeps ``givenUpBy`` in a copy, which has no `x-death`.
    static let givenUpByHeader: AMQPText = "x-given-up-by"

    /// The same message for its queue once more, counted from zero.
    package var renewed: AMQPMessage { renewals[0] }

    /// ``renewed``, and shorter forms of it for the case that there is no room for all; one of them can be sent.
    var renewals: [AMQPMessage] { copies(setting: [Self.givenUpByHeader: givenUpBy.map { .string($0) }]) }

    /// Copies to be tried in turn, until the broker's limits leave room for one: the body is the same in each. The
    /// first has all properties and headers that may be copied, the last has the body alone.
    ///
    /// - Parameter own: headers that the copy is to have, or, for nil, not to have, whatever headers the message came
    ///   with. At most 2,500 bytes, so that they fit in the shortest frame that the protocol allows.
    package func copies(setting own: [AMQPText: AMQPValue?] = [:]) -> [AMQPMessage] {
        let set = own.compactMapValues(\.self)
        var all = headers.filter { name, _ in !Self.concernsBroker(name) && own[name] == nil }
        all.merge(set) { $1 }
        var whole = AMQPMessage(
            body: body,
            messageID: messageID,
            contentType: contentType,
            isPersistent: isPersistent,
            priority: priority,
            correlationID: correlationID,
            type: type,
            headers: all
        )
        var copies = [whole]
        if all != set {
            whole.headers = set
            copies.append(whole)
        }
        copies.append(AMQPMessage(body: body, contentType: nil, isPersistent: isPersistent, headers: set))
        copies.append(AMQPMessage(body: body, contentType: nil, isPersistent: isPersistent))
        return copies
    }

    /// Whether a header tells a broker what to do with the message that it is in. Names are case-sensitive there.
    ///
    /// - `CC`, `BCC`: more queues that it goes to. A copy that had them would put another one there each time.
    /// - `x-death` and its companions: where the message has expired before. RabbitMQ drops a message that comes by
    ///   such a queue again.
    /// - `x-delivery-count`, `x-acquired-count`: a quorum queue's count, which begins anew.
    /// - `x-delay`, `x-deduplication-header`: plugins hold such a message back, or drop it as one that they know.
    static func concernsBroker(_ name: AMQPText) -> Bool {
        brokerHeaders.contains(name) || brokerHeaderPrefixes.contains { name.bytes.starts(with: $0.bytes) }
    }

    private static let brokerHeaders: Set<AMQPText> = [
        "CC", "BCC", "x-death", "x-delivery-count", "x-acquired-count", "x-delay", "x-deduplication-header",
    ]
    private static let brokerHeaderPrefixes: [AMQPText] = ["x-first-death-", "x-last-death-"]
}

extension AMQPClient {
    /// Publishes the first of a message's copies for which there is room.
    ///
    /// - Throws: as ``publish(_:to:)``; `.invalidArgument` when there is room for none, as the body is too long.
    package func publish(firstFitting copies: [AMQPMessage], to queue: String) async throws(AMQPError) {
        var failure = AMQPError.invalidArgument("there is nothing to publish", queue: queue)
        for copy in copies {
            do {
                return try await publish(copy, to: queue)
            } catch  where error.code == .invalidArgument || Self.refusals.contains(error.replyCode ?? 0) {
                failure = error
            }
        }
        throw failure
    }

    /// Replies of a broker that refuses the bytes it was sent: precondition failed, frame, syntax and internal error.
    private static let refusals: Set<UInt16> = [406, 501, 502, 541]
}
