/// One channel of a session: requests that wait for their answers, and content that arrives in frames.
///
/// Confined to the I/O thread, like everything that a session owns. A thrown error is the end of the connection.
class Channel {
    typealias Answer = Result<Method, AMQPError>

    private struct Expectation {
        var kind: Method.Kind
        var deadline: ContinuousClock.Instant
        var complete: (Answer) throws(AMQPError) -> Void
    }

    let number: UInt16
    // The session owns its channels and ends them before it goes.
    unowned let session: Session
    private var expectations: [Expectation] = []
    private var content: Content?
    private(set) var isOpen = true

    init(_ session: Session) throws(AMQPError) {
        self.session = session
        number = try session.freeChannelNumber()
        session.add(self)
        try session.connection.openChannel(number)
        expect(.channelOpenOk)
    }

    /// When the broker must have answered the oldest request.
    var deadline: ContinuousClock.Instant? { expectations.first?.deadline }

    /// Notes that a request was written. Many can be under way; those of one kind are answered in order.
    func expect(_ kind: Method.Kind, _ complete: @escaping (Answer) throws(AMQPError) -> Void = { _ in }) {
        let deadline = ContinuousClock.now + session.core.configuration.replyTimeout
        expectations.append(Expectation(kind: kind, deadline: deadline, complete: complete))
    }

    /// Gives the broker time again after it could not answer.
    func renewDeadlines() {
        let deadline = ContinuousClock.now + session.core.configuration.replyTimeout
        for index in expectations.indices {
            expectations[index].deadline = deadline
        }
    }

    /// Closes the channel; its number is free when the broker has agreed.
    func close() throws(AMQPError) {
        guard isOpen else { return }
        isOpen = false
        try session.connection.closeChannel(number)
        expect(.channelCloseOk) { [unowned self] _ throws(AMQPError) in
            session.remove(self)
            try failExpectations(.clientClosed)
        }
    }

    func receive(_ method: Method) throws(AMQPError) {
        if let kind = method.answerKind {
            // In order for each kind only: RabbitMQ leaves some answers (cancel-ok) to the queue, others overtake them.
            guard let index = expectations.firstIndex(where: { $0.kind == kind }) else {
                // RabbitMQ 3.10 agrees twice when the queue goes in the middle: once for the queue, once as there is
                // none.
                if kind == .cancelOk { return }
                throw AMQPError(
                    .closedByBroker,
                    "the broker answered \(kind) on channel \(number), which nobody asked for",
                    isRetriable: true
                )
            }
            if case .getOk(let deliver) = method {
                content = Content(.deliver(deliver), maximumBodyBytes: maximumBodyBytes)
            }
            return try expectations.remove(at: index).complete(.success(method))
        }
        switch method {
        case .channelClose(let close):
            isOpen = false
            try session.connection.confirmCloseChannel(number)
            session.remove(self)
            let error = AMQPError.broker(replyCode: close.replyCode, text: close.text)
            try failExpectations(error)
            try closed(by: error, close)
        case .deliver(let deliver):
            content = Content(.deliver(deliver), maximumBodyBytes: maximumBodyBytes)
        case .returned(let returned):
            // A returned body is ours: only its length is looked at.
            content = Content(.returned(returned), maximumBodyBytes: 0)
        default:
            try handle(method)
        }
    }

    func receive(header properties: MessageProperties, bodyBytes: UInt64) throws(AMQPError) {
        content?.add(header: properties, bodyBytes: bodyBytes)
        try finishContent()
    }

    func receive(body bytes: [UInt8]) throws(AMQPError) {
        content?.add(body: bytes)
        try finishContent()
    }

    private func finishContent() throws(AMQPError) {
        guard let complete = content, complete.isComplete else { return }
        content = nil
        try handle(complete)
    }

    /// Answers all that waits, because the connection is gone.
    func connectionEnded(_ error: AMQPError) {
        isOpen = false
        // Handlers may try to write; the connection is gone already.
        try? failExpectations(error)
    }

    private func failExpectations(_ error: AMQPError) throws(AMQPError) {
        let failed = expectations
        expectations.removeAll()
        for expectation in failed {
            try expectation.complete(.failure(error))
        }
    }

    // For the kinds of channels.

    /// Longest body handed out.
    var maximumBodyBytes: Int { session.core.configuration.maximumBodyBytes }

    /// A method that is neither an answer nor the start of content.
    func handle(_: Method) throws(AMQPError) {}

    func handle(_: Content) throws(AMQPError) {}

    /// The broker closed the channel; it is removed and its requests have failed.
    func closed(by _: AMQPError, _: Method.ChannelClose) throws(AMQPError) {}
}
