/// The loop that supervises: it goes round once in an interval, and soon after something has changed.
struct SupervisionLoop: Sendable {
    /// Hears of every round that all of the supervisor took part in.
    struct Listener: Sendable {
        /// The longest time between two rounds; nil for the one that the pools themselves need.
        var interval: Duration?
        var hear: @Sendable ([PoolSnapshot]) async -> Void
    }

    let interval: Duration
    private let rounds: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init(interval: Duration) {
        self.interval = interval
        // However much changes during a round, one more round is enough.
        (rounds, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func noteChange() { continuation.yield() }

    /// Runs `round` until the task is cancelled. Call it once.
    func run(_ round: @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [interval, continuation] in
                // Silence is no event.
                while (try? await Task.sleep(for: interval)) != nil { continuation.yield() }
            }
            for await _ in rounds { await round() }
            group.cancelAll()
        }
    }
}
