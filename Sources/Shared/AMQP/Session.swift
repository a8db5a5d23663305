import Logging

/// The life of one connection: its channels, and the requests that wait on them. Confined to the I/O thread.
///
/// A thrown error is the end of the connection; `end` must be called then.
final class Session {
    let connection: BrokerConnection
    let core: ClientCore
    let log: SessionLog

    var channels: [UInt16: Channel] = [:]
    private var lastChannelNumber: UInt16 = 0
    var publishChannel: PublishChannel?
    private var queueChannel: QueueChannel?
    private var queueOperations: [QueueChannel.Operation] = []
    /// Requests of the application that are not answered yet.
    var queueRequests: [QueueRequest] = []
    var consumerChannels: [ObjectIdentifier: ConsumerChannel] = [:]
    var retries: [(due: ContinuousClock.Instant, subscription: Subscription)] = []
    var failures: [ObjectIdentifier: Int] = [:]
    /// For each subscription whose last try failed, the cause.
    var troubles: [ObjectIdentifier: AMQPError.Code] = [:]
    var queuesWithOtherProperties: Set<String> = []
    /// Publishing commands that wait for the end of the broker's alarm.
    var held: [Command] = []
    var blockedReason: String?

    init(_ connection: consuming BrokerConnection, core: ClientCore, log: SessionLog) {
        self.connection = connection
        self.core = core
        self.log = log
    }

    /// Opens the publishing channel and subscribes.
    func begin(_ subscriptions: [Subscription]) throws(AMQPError) {
        try openPublishChannel()
        for subscription in subscriptions {
            try subscribe(subscription)
        }
    }

    func publishChannelReady() {
        if blockedReason == nil { core.states.send(.connected) }
    }

    // MARK: Frames

    func handle(_ frame: Frame) throws(AMQPError) {
        switch frame {
        case .method(channel: 0, let method): try handleConnection(method)
        // Frames of a channel that is closed may still arrive; they are dropped.
        case .method(let channel, let method): try channels[channel]?.receive(method)
        case .header(let channel, let bodyBytes, let properties):
            try channels[channel]?.receive(header: properties, bodyBytes: bodyBytes)
        case .body(let channel, let bytes): try channels[channel]?.receive(body: bytes)
        case .other: break
        }
    }

    private func handleConnection(_ method: Method) throws(AMQPError) {
        switch method {
        case .connectionClose(let replyCode, let text):
            connection.confirmClose()
            throw AMQPError.broker(replyCode: replyCode, text: text)
        case .blocked(let reason):
            blockedReason = reason
            log.warning("The broker takes no messages: \(reason). Publishing waits; check its memory and disk.")
            core.states.send(.blocked(reason: reason))
        case .unblocked:
            guard blockedReason != nil else { return }
            blockedReason = nil
            log.info("The broker takes messages again.")
            core.states.send(.connected)
            for channel in channels.values {
                channel.renewDeadlines()
            }
            let released = held
            held.removeAll()
            for command in released {
                try perform(command)
            }
        default:
            break
        }
    }

    // MARK: Publishing

    func openPublishChannel() throws(AMQPError) {
        publishChannel = try PublishChannel(self)
    }

    /// Whether the properties fit in one frame of this connection, as they must.
    func fits(_ message: AMQPMessage) -> Bool {
        guard let headerBytes = AMQPValue.encodedSizeBytes(of: message.headers) else { return false }
        // Five short strings, and the fixed fields and framing of a content header.
        return headerBytes + 5 * 256 + 64 <= connection.frameBytes
    }

    func tooLong(queue: String) -> AMQPError {
        .invalidArgument(
            "the message's headers do not fit in a frame of \(connection.frameBytes) bytes, the broker's limit",
            queue: queue
        )
    }

    // MARK: Operations on queues

    func perform(_ operation: QueueChannel.Operation) throws(AMQPError) {
        queueOperations.append(operation)
        if queueChannel?.isIdle ?? true { try performNextQueueOperation() }
    }

    func performNextQueueOperation() throws(AMQPError) {
        // After a failure the channel is closed, and the next operation opens another.
        guard !queueOperations.isEmpty else { return }
        let channel: QueueChannel
        if let queueChannel, queueChannel.isOpen {
            channel = queueChannel
        } else {
            channel = try QueueChannel(self)
            queueChannel = channel
        }
        try channel.perform(queueOperations.removeFirst())
    }

    // MARK: Channels

    func freeChannelNumber() throws(AMQPError) -> UInt16 {
        // Numbers are used in turn, so that late frames of a closed channel do not reach a new one.
        let limit = connection.maximumChannels
        for _ in 0..<limit {
            lastChannelNumber = lastChannelNumber >= limit ? 1 : lastChannelNumber + 1
            if channels[lastChannelNumber] == nil { return lastChannelNumber }
        }
        throw AMQPError(.closedByBroker, "all \(limit) channels of the connection are in use", isRetriable: true)
    }

    func add(_ channel: Channel) { channels[channel.number] = channel }

    func remove(_ channel: Channel) { channels[channel.number] = nil }

    /// A number that no other channel or consumer of this process's client had.
    func nextID() -> UInt64 { core.nextID() }

    // MARK: Time

    /// When `expire` must be called at the latest.
    var deadline: ContinuousClock.Instant? {
        var earliest = [held.first?.deadline, publishChannel?.publishDeadline].compactMap(\.self).min()
        let answers = blockedReason == nil ? channels.values.compactMap(\.deadline) : []
        // Without an alarm, the deadlines of the channels bound these requests.
        let requests = blockedReason == nil ? [] : queueRequests.map(\.deadline)
        for deadline in answers + requests + retries.map(\.due) {
            earliest = min(earliest ?? deadline, deadline)
        }
        return earliest
    }

    func expire(_ now: ContinuousClock.Instant) throws(AMQPError) {
        // During its alarm the broker may not even read our requests, so no answer is late.
        for channel in channels.values where blockedReason == nil {
            guard let deadline = channel.deadline, deadline <= now else { continue }
            throw AMQPError(
                .connectionFailed,
                "the broker has not answered within \(core.configuration.replyTimeout); see its log and load",
                isRetriable: true
            )
        }
        try publishChannel?.expire(now)
        while let command = held.first, let deadline = command.deadline, deadline <= now {
            held.removeFirst()
            command.fail(.waitedInVain(blockedReason.map { "the broker takes no messages: \($0)" }))
        }
        if let blockedReason {
            let late = queueRequests.filter { $0.deadline <= now }
            queueRequests.removeAll { $0.deadline <= now }
            for request in late { request.reply.fail(.waitedInVain("the broker takes no messages: \(blockedReason)")) }
        }
        let due = retries.filter { $0.due <= now }
        retries.removeAll { $0.due <= now }
        for retry in due {
            try subscribe(retry.subscription)
        }
    }

    /// Answers everything that waits for this connection, and returns publishes that it has not sent.
    func end(_ error: AMQPError) -> [Command] {
        let ended = Array(channels.values)
        channels.removeAll()
        let operations = queueOperations
        queueOperations.removeAll()
        for channel in ended {
            channel.connectionEnded(error)
        }
        for operation in operations {
            // Nothing is written here: operations only answer their callers when they fail.
            try? operation.complete(.failure(error))
        }
        defer { held.removeAll() }
        return held.filter { command in
            if case .publish = command { return true }
            command.fail(error)
            return false
        }
    }
}
