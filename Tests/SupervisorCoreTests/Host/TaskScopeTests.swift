import Synchronization
import Testing

@testable import SupervisorCore

@Suite("A scope for tasks", .timeLimit(.minutes(5)))
struct TaskScopeTests {
    @Test("runs what is added before it is closed, and waits for all of it")
    func close() async {
        let scope = TaskScope()
        let done = Mutex(0)
        for _ in 0..<3 { scope.add { done.withLock { $0 += 1 } } }
        let running = Task { await scope.run() }
        for _ in 0..<2 {
            scope.add {
                await Task.yield()
                done.withLock { $0 += 1 }
            }
        }
        scope.close()
        scope.add { done.withLock { $0 += 100 } }
        await running.value
        #expect(done.withLock { $0 } == 5)
    }

    @Test("passes a cancellation on, and waits for the tasks all the same")
    func cancel() async {
        let scope = TaskScope()
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let ends = Mutex(0)
        let running = Task { await scope.run() }
        for _ in 0..<2 {
            scope.add {
                beginning.yield()
                try? await Task.sleep(for: .seconds(3600))
                ends.withLock { $0 += 1 }
            }
        }
        var beginnings = begun.makeAsyncIterator()
        for _ in 0..<2 { await beginnings.next() }
        running.cancel()
        await running.value
        #expect(ends.withLock { $0 } == 2)
    }
}
