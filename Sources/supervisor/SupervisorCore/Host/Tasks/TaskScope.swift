/// Tasks that are begun from anywhere and belong to whoever runs the scope, who waits for them.
struct TaskScope: Sendable {
    private let bodies: AsyncStream<@Sendable () async -> Void>
    private let incoming: AsyncStream<@Sendable () async -> Void>.Continuation

    init() { (bodies, incoming) = AsyncStream.makeStream() }

    /// Runs `body` in a task of its own, once ``run()`` has begun. After ``close()`` it is not run.
    func add(_ body: @escaping @Sendable () async -> Void) { incoming.yield(body) }

    /// From now on nothing more is added.
    func close() { incoming.finish() }

    /// Returns after ``close()``, when every task has ended. A cancellation is passed on to the tasks. Call it once.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await body in bodies { group.addTask { await body() } }
        }
    }
}
