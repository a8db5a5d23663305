import Synchronization

/// The connection's state, told to any number of listeners.
final class StateBroadcast: Sendable {
    private struct State {
        var current: ConnectionState = .connecting
        var listeners: [Int: AsyncStream<ConnectionState>.Continuation] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    var current: ConnectionState { state.withLock { $0.current } }

    /// The current state, then every change; ends after `.closed`. A slow listener loses the oldest changes.
    func stream() -> AsyncStream<ConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ConnectionState.self,
            bufferingPolicy: .bufferingNewest(64)
        )
        let (id, current) = state.withLock { state in
            defer { state.nextID += 1 }
            // Under the lock, so that no change can overtake the first element.
            continuation.yield(state.current)
            if state.current != .closed { state.listeners[state.nextID] = continuation }
            return (state.nextID, state.current)
        }
        if current == .closed {
            continuation.finish()
        } else {
            continuation.onTermination = { [weak self] _ in
                self?.remove(id)
            }
        }
        return stream
    }

    func send(_ newState: ConnectionState) {
        let listeners = state.withLock { state in
            guard state.current != newState, state.current != .closed else {
                return [] as [AsyncStream<ConnectionState>.Continuation]
            }
            state.current = newState
            let listeners = Array(state.listeners.values)
            if newState == .closed { state.listeners.removeAll() }
            return listeners
        }
        for listener in listeners {
            listener.yield(newState)
            if newState == .closed { listener.finish() }
        }
    }

    private func remove(_ id: Int) {
        // Released outside the lock: the last reference to a continuation may run its termination handler.
        _ = state.withLock { $0.listeners.removeValue(forKey: id) }
    }
}
