internal import Logging
internal import Synchronization

/// Sends the overview to everyone who listens, whenever it changes.
///
/// Files in the ledger, queue depths and disk space change in other processes, which announce nothing, so they are
/// looked at: once for all listeners, and only while there are any.
final class EventFeed: Sendable {
    /// More are refused: each keeps a connection.
    static let maximumListeners = 32
    /// Listeners learn from it that the server is there, and the server learns that they are gone.
    private static let silence = Duration.seconds(15)

    private struct State {
        var listeners: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
        var lastListener = 0
        /// The overview that was sent last.
        var last: [UInt8]?
        /// Looks at the tree while somebody listens. Cancelled by the last listener that leaves, and awaited by
        /// ``EventFeed/close()``.
        var sampler: Task<Void, Never>?
        var isClosed = false

        func send(_ bytes: [UInt8]) {
            for listener in listeners.values { listener.yield(bytes) }
        }
    }

    private let source: any StatusSource
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter interval: between two looks.
    init(source: any StatusSource, interval: Duration = .seconds(1), logger: Logger) {
        self.source = source
        self.interval = interval
        self.logger = logger
    }

    /// Server-sent events: the present state, then every change. A listener that is slow misses states, never the last
    /// one.
    ///
    /// - Throws: ``Problem`` when there are too many listeners.
    func listen() throws(Problem) -> AsyncStream<[UInt8]> {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(1))
        let listener = state.withLock { state -> Int? in
            guard !state.isClosed, state.listeners.count < Self.maximumListeners else { return nil }
            state.lastListener += 1
            state.listeners[state.lastListener] = continuation
            if let last = state.last { continuation.yield(Self.event(last)) }
            if state.sampler == nil { state.sampler = Task { await sample() } }
            return state.lastListener
        }
        guard let listener else {
            throw Problem(
                title: "Too many listeners",
                status: 503,
                detail: "close another dashboard, or ask again later"
            )
        }
        continuation.onTermination = { [self] _ in leave(listener) }
        return stream
    }

    /// Ends all streams, as the server cannot stop before.
    func close() async {
        let (listeners, sampler) = state.withLock { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return (Array(state.listeners.values), state.sampler)
        }
        // Each end calls `leave`, which takes the lock.
        for listener in listeners { listener.finish() }
        sampler?.cancel()
        await sampler?.value
    }

    private func leave(_ listener: Int) {
        state.withLock { state in
            state.listeners[listener] = nil
            if state.listeners.isEmpty { state.sampler?.cancel() }
        }
    }

    private func sample() async {
        var sent = ContinuousClock.now
        while !Task.isCancelled {
            do {
                if send(try JSONText.encode(await source.overview())) {
                    sent = .now
                } else if ContinuousClock.now - sent >= Self.silence {
                    state.withLock { $0.send(Array(": still here\n\n".utf8)) }
                    sent = .now
                }
            } catch {
                logger.error("the overview cannot be encoded", metadata: ["cause": "\(error)"])
            }
            do { try await Task.sleep(for: interval) } catch { break }
        }
        state.withLock { state in
            state.last = nil
            // Somebody may have come while this one was ending.
            let isWanted = !state.listeners.isEmpty && !state.isClosed
            state.sampler = isWanted ? Task { await sample() } : nil
        }
    }

    /// - Returns: whether the overview was another one than before, and was sent.
    private func send(_ document: [UInt8]) -> Bool {
        state.withLock { state in
            if document == state.last { return false }
            state.last = document
            state.send(Self.event(document))
            return true
        }
    }

    private static func event(_ document: [UInt8]) -> [UInt8] {
        Array("event: overview\ndata: ".utf8) + document + Array("\n\n".utf8)
    }
}
