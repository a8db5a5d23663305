internal import UnixSignals

/// Requests to stop: SIGTERM and SIGINT, counted.
actor StopSignals {
    private(set) var count = 0
    private var waiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var listener: Task<Void, Never>?

    /// Listens until ``end()``.
    func listen() async {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        listener = Task { for await _ in signals { raise() } }
    }

    func end() { listener?.cancel() }

    func raise() {
        count += 1
        let due = waiters.filter { $0.count <= count }
        waiters.removeAll { $0.count <= count }
        for waiter in due { waiter.continuation.resume() }
    }

    /// Returns when so many requests have come.
    func wait(for count: Int) async {
        guard self.count < count else { return }
        await withCheckedContinuation { waiters.append((count, $0)) }
    }
}
