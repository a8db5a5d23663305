/// Requests of the application, carried out on the connection.
extension Session {
    /// Subscribing and unsubscribing have methods of their own.
    func perform(_ command: Command) throws(AMQPError) {
        switch command {
        case .publish(let request):
            guard blockedReason == nil, let publishChannel else { return held.append(command) }
            try publishChannel.publish(request)
        case .queue(let request):
            let reply = request.reply
            queueRequests.append(request)
            try perform(
                QueueChannel.Operation(action: request.action) { [unowned self] result in
                    queueRequests.removeAll { $0.reply === reply }
                    switch result {
                    case .success(let count): reply.succeed(count)
                    case .failure(let error): reply.fail(error)
                    }
                }
            )
        case .settle(let request):
            guard blockedReason == nil || request.publications.isEmpty else { return held.append(command) }
            try settle(request)
        case .pull(let request):
            guard let channel = consumerChannels[ObjectIdentifier(request.subscription)], channel.isOpen else {
                let queue = request.subscription.queue.name
                return request.reply.fail(.stale(queue: queue, because: "its channel is gone"))
            }
            try channel.pull(request)
        case .subscribe, .unsubscribe:
            break
        }
    }

    private func settle(_ request: SettleRequest) throws(AMQPError) {
        guard let channel = consumerChannel(request.channelID) else {
            return request.reply.fail(.stale(queue: request.queue, because: "its channel is gone"))
        }
        let queues = Set(request.publications.map(\.queue))
        guard !queues.isEmpty, channel.isUnsettled(request.tag) else { return try channel.settle(request) }
        try settle(request, checking: queues.sorted()[...])
    }

    /// A transaction cannot be taken back once the broker says that a message has no queue, so the queues are looked up
    /// first. The look-up uses the queue channel, because the broker closes a channel that asks for a missing queue,
    /// and the delivery would be lost with the consumer's channel.
    private func settle(_ request: SettleRequest, checking queues: ArraySlice<String>) throws(AMQPError) {
        guard let queue = queues.first else {
            guard let channel = consumerChannel(request.channelID) else {
                return request.reply.fail(.stale(queue: request.queue, because: "its channel is gone"))
            }
            return try channel.settle(request)
        }
        try perform(
            QueueChannel.Operation(action: .count(queue: queue)) {
                [unowned self] result throws(AMQPError) in
                switch result {
                case .success(nil): request.reply.fail(.unroutable(queue: queue))
                case .success: try settle(request, checking: queues.dropFirst())
                case .failure(let error):
                    request.reply.fail(
                        channels.isEmpty ? .stale(queue: request.queue, because: error.message) : error
                    )
                }
            }
        )
    }
}
