internal import UnixSignals

/// Requests to stop: SIGTERM and SIGINT, counted.
actor StopSignals {
    private(set) var count = 0
    private var waiters: [Int: (count: Int, signal: AsyncStream<Void>.Continuation)] = [:]
    private var lastWaiter = 0
    private var listener: Task<Void, Never>?

    /// Listens until ``end()``.
    func listen() async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        listener = Task { for await _ in signals { raise() } }
    }

    func end() async {
        listener?.cancel()
        await listener?.value
    }

    func raise() {
        count += 1
        for waiter in waiters.values where waiter.count <= count { waiter.signal.finish() }
    }

    /// Returns when so many requests have come, or the task is cancelled.
    func wait(for count: Int) async {
        guard self.count < count else { return }
        lastWaiter += 1
        let number = lastWaiter
        let (requests, signal) = AsyncStream.makeStream(of: Void.self)
        waiters[number] = (count, signal)
        for await _ in requests {}
        waiters[number] = nil
    }
}
