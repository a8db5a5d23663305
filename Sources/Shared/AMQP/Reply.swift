import Synchronization

/// The answer to a caller that waits: given exactly once, whatever happens.
///
/// Later answers are ignored, and a reply that is dropped without an answer reports the client as closed, so that no
/// caller waits for ever.
final class Reply<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Result<Value, AMQPError>, Never>?>

    private init(_ continuation: CheckedContinuation<Result<Value, AMQPError>, Never>) {
        self.continuation = Mutex(continuation)
    }

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
        let waiting = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        waiting?.resume(returning: result)
    }

    /// Suspends until the reply that `start` gets is answered.
    static func wait(_ start: (Reply<Value>) -> Void) async throws(AMQPError) -> Value {
        try await withCheckedContinuation { start(Reply($0)) }.get()
    }
}

extension Reply<Void> {
    func succeed() { succeed(()) }
}
