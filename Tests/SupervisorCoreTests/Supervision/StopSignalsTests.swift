import Testing

@testable import SupervisorCore

@Suite("Requests to stop", .timeLimit(.minutes(5)))
struct StopSignalsTests {
    @Test("are waited for by their number")
    func count() async {
        let stop = StopSignals()
        let second = Task {
            await stop.wait(for: 2)
            return await stop.count
        }
        await stop.raise()
        await stop.wait(for: 1)
        await stop.raise()
        #expect(await second.value == 2)
        await stop.wait(for: 2)
    }

    @Test("are no longer waited for by a task that is cancelled")
    func cancel() async {
        let stop = StopSignals()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await stop.wait(for: 1) }
            group.cancelAll()
        }
        #expect(await stop.count == 0)
    }
}
