import Glibc
import Synchronization
import Testing

@testable import Threads

@Suite("A thread for file work", .serialized)
struct OwnThreadTests {
    private final class Crowd: Sendable {
        private let count = Atomic(0)

        /// Returns when so many are here.
        func meet(_ size: Int) {
            count.add(1, ordering: .relaxed)
            while count.load(ordering: .relaxed) < size { usleep(100) }
        }
    }

    private static func niceValue() -> CInt { getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0) }

    @Test("is there for everybody at once, however many wait for each other")
    func manyAtOnce() async {
        let crowd = Crowd()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask { await OwnThread.run { crowd.meet(50) } }
            }
        }
    }

    @Test("is used again, and never one that was made to come last")
    func politeness() async {
        let usual = Self.niceValue()
        for _ in 1...20 {
            let polite = await OwnThread.run(politely: true) { Self.niceValue() }
            #expect(polite == 10)
            let plain = await OwnThread.run { Self.niceValue() }
            #expect(plain == usual)
        }
    }

    @Test("does what its own work asks for itself")
    func nested() async {
        #expect(!OwnThread.isCurrent)
        let (outer, inner) = await Task(executorPreference: BlockingTaskExecutor.shared) {
            let here = OwnThread.isCurrent ? pthread_self() : 0
            return (here, await OwnThread.run { pthread_self() })
        }.value
        #expect(outer != 0 && outer == inner)
    }

    @Test("is there for each task of the executor, however many block")
    func blockingTasks() async {
        let crowd = Crowd()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask(executorPreference: BlockingTaskExecutor.shared) { crowd.meet(50) }
            }
        }
    }
}
