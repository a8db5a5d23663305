/// A question whose answer may take longer than anybody waits for it, as one to a file system that hangs or to a
/// broker that has fallen silent. It goes on in a task of its own when its asker has lost patience; the owner of the
/// question sees to the end of ``task``, or says why that cannot be done.
struct Question<Answer: Sendable>: Sendable {
    let task: Task<Void, Never>
    private let answers: AsyncStream<Answer>

    /// Begins to ask.
    init(_ ask: @escaping @Sendable () async -> Answer) {
        let (answers, answer) = AsyncStream.makeStream(of: Answer.self, bufferingPolicy: .bufferingOldest(1))
        self.answers = answers
        task = Task {
            answer.yield(await ask())
            answer.finish()
        }
    }

    /// The answer; nil when it does not come within `limit`, or the calling task is cancelled before. Call it once.
    func answer(within limit: Duration) async -> Answer? {
        await withTaskGroup(of: Answer?.self) { group in
            group.addTask {
                for await answer in answers { return answer }
                return nil
            }
            group.addTask {
                // Only cancellation ends it early, and then nobody waits for it.
                try? await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
