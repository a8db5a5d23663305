import Synchronization

/// The answer to a caller: given exactly once, whatever happens.
///
/// Later answers are ignored, and a reply that is dropped without an answer reports the client as closed, so that no
/// caller waits for ever.
final class Reply<Value: Sendable>: Sendable {
    typealias Receiver = @Sendable (Result<Value, AMQPError>) -> Void

    private let receiver: Mutex<Receiver?>

    init(_ receiver: @escaping Receiver) { self.receiver = Mutex(receiver) }

    deinit {
        fail(.clientClosed)
    }

    func succeed(_ value: Value) {
        resume(.success(value))
    }

    func fail(_ error: AMQPError) {
        resume(.failure(error))
    }

    private func resume(_ result: Result<Value, AMQPError>) {
        let waiting = receiver.withLock { receiver in
            defer { receiver = nil }
            return receiver
        }
        waiting?(result)
    }

    /// Suspends until the reply that `start` gets is answered.
    static func wait(_ start: (Reply<Value>) -> Void) async throws(AMQPError) -> Value {
        let result: Result<Value, AMQPError> = await withCheckedContinuation { continuation in
            start(Reply { continuation.resume(returning: $0) })
        }
        return try result.get()
    }
}

extension Reply<Void> {
    func succeed() { succeed(()) }
}
