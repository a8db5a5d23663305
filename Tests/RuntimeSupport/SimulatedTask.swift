import Synchronization

/// A task of a simulated process, which may end with its process.
package final class SimulatedTask: Sendable {
    private struct State {
        var isOver = false
        var waiting: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)

    package init(in process: SimulatedProcess, _ body: @escaping @Sendable () async -> Void) {
        process.whenDead { [weak self] in self?.end() }
        let started = Task(executorPreference: process) {
            await body()
            self.end()
        }
        task.withLock { $0 = started }
    }

    package func cancel() { task.withLock { $0 }?.cancel() }

    /// Returns when the task is over, or its process is dead.
    package func finish() async {
        await withUnsafeContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiting.append(continuation) }
                return state.isOver
            }
            if isOver { continuation.resume() }
        }
    }

    private func end() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
