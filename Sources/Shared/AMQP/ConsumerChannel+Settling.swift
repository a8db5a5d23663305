/// Deliveries are acknowledged, or given back.
extension ConsumerChannel {
    /// Whether the delivery waits to be settled.
    func isUnsettled(_ tag: UInt64) -> Bool {
        isOpen && unsettled.contains(tag)
    }

    /// Settles a delivery, in one transaction with its publications if there are any.
    func settle(_ request: SettleRequest) throws(AMQPError) {
        guard isOpen else {
            return request.reply.fail(.stale(queue: request.queue, because: "its channel is closed"))
        }
        guard unsettled.contains(request.tag) else {
            return request.reply.fail(
                AMQPError(
                    .alreadySettled,
                    "a delivery from '\(request.queue)' was acknowledged or rejected twice",
                    isRetriable: false,
                    queue: request.queue
                )
            )
        }
        for publication in request.publications where !session.fits(publication.message) {
            return request.reply.fail(session.tooLong(queue: publication.queue))
        }
        unsettled.remove(request.tag)
        for publication in request.publications {
            try session.connection.publish(number, publication.message, to: publication.queue)
        }
        switch request.verdict {
        case .acknowledge: try session.connection.acknowledge(number, tag: request.tag)
        case .reject(let requeue): try session.connection.reject(number, tag: request.tag, requeue: requeue)
        }
        if subscription.isTransactional {
            try session.connection.commit(number)
            expect(.txCommitOk) { [unowned self] answer throws(AMQPError) in try finish(request, answer) }
        } else {
            // An acknowledgement has no answer, and writing one to a channel that the broker has closed succeeds. The
            // broker works through a channel in order: its answer to a request that changes nothing comes after it.
            try session.connection.setPrefetch(number, subscription.prefetch)
            expect(.qosOk) { [unowned self] answer throws(AMQPError) in try finish(request, answer) }
        }
    }

    private func finish(_ request: SettleRequest, _ answer: Answer) throws(AMQPError) {
        switch answer {
        case .success:
            // The broker returns messages before it answers the commit that they belong to.
            let returned = request.publications.first { returnedQueues.contains($0.queue) }
            if !request.publications.isEmpty { returnedQueues.removeAll() }
            if let returned {
                request.reply.fail(.unroutable(queue: returned.queue, afterCommit: true))
            } else {
                request.reply.succeed()
            }
            try closeIfDrained()
        case .failure(let error):
            request.reply.fail(
                request.publications.isEmpty
                    ? .stale(queue: request.queue, because: error.message)
                    : error.asUnconfirmed(queue: request.publications.map(\.queue).joined(separator: "', '"))
            )
        }
    }
}
