internal import Logging

/// Sends the overview to everyone who listens, whenever it changes.
///
/// Files in the ledger, queue depths and disk space change in other processes, which announce nothing, so they are
/// looked at: once for all listeners, and only while there are any.
actor EventFeed {
    /// More are refused: each keeps a connection.
    static let maximumListeners = 32
    /// Listeners learn from it that the server is there, and the server learns that they are gone.
    private static let silence = Duration.seconds(15)

    private let source: any StatusSource
    private let interval: Duration
    private let logger: Logger
    private var listeners: [Int: AsyncStream<[UInt8]>.Continuation] = [:]
    private var lastListener = 0
    private var last: [UInt8]?
    private var sampler: Task<Void, Never>?
    private var isClosed = false

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
        guard !isClosed, listeners.count < Self.maximumListeners else {
            throw Problem(
                title: "Too many listeners",
                status: 503,
                detail: "close another dashboard, or ask again later"
            )
        }
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(1))
        lastListener += 1
        let listener = lastListener
        listeners[listener] = continuation
        continuation.onTermination = { _ in Task { await self.leave(listener) } }
        if let last { continuation.yield(Self.event(last)) }
        if sampler == nil { sampler = Task { await sample() } }
        return stream
    }

    /// Ends all streams, as the server cannot stop before.
    func close() async {
        isClosed = true
        for listener in listeners.values { listener.finish() }
        listeners = [:]
        sampler?.cancel()
        await sampler?.value
    }

    private func leave(_ listener: Int) {
        listeners[listener] = nil
        if listeners.isEmpty { sampler?.cancel() }
    }

    private func sample() async {
        var sent = ContinuousClock.now
        while !Task.isCancelled {
            do {
                let document = try JSONText.encode(await source.overview())
                if document != last {
                    last = document
                    send(Self.event(document))
                    sent = .now
                } else if ContinuousClock.now - sent >= Self.silence {
                    send(Array(": still here\n\n".utf8))
                    sent = .now
                }
                try await Task.sleep(for: interval)
            } catch is CancellationError {
                break
            } catch {
                logger.error("the overview cannot be encoded", metadata: ["cause": "\(error)"])
                break
            }
        }
        sampler = nil
        last = nil
        // Somebody may have come while this one was ending.
        if !listeners.isEmpty, !isClosed { sampler = Task { await sample() } }
    }

    private func send(_ bytes: [UInt8]) {
        for listener in listeners.values { listener.yield(bytes) }
    }

    private static func event(_ document: [UInt8]) -> [UInt8] {
        Array("event: overview\ndata: ".utf8) + document + Array("\n\n".utf8)
    }
}
