/// Messages are fetched one by one.
extension ConsumerChannel {
    /// Asks the broker for messages, one by one.
    func pull(_ request: PullRequest) throws(AMQPError) {
        guard request.count > 0 else { return request.reply.succeed([]) }
        pulls.append(Pull(request: request, missing: request.count))
        for _ in 0..<request.count {
            try session.connection.get(number, queue: subscription.queue.name)
            expect(.getAnswer) { [unowned self] answer throws(AMQPError) in
                // A message's content follows.
                if case .success(.getEmpty) = answer { pulled(nil) }
            }
        }
    }

    func pulled(_ delivery: AMQPDelivery?) {
        guard !pulls.isEmpty else { return }
        if let delivery { pulls[0].found.append(delivery) }
        pulls[0].missing -= 1
        guard pulls[0].missing == 0 else { return }
        let pull = pulls.removeFirst()
        pull.request.reply.succeed(pull.found)
    }

    func failPulls(_ error: AMQPError) {
        let failed = pulls
        pulls = []
        for pull in failed { pull.request.reply.fail(error) }
    }
}
