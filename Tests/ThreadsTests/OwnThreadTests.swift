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

    @Test("has a name of its own, whoever made it, and lends another to what is made on it")
    func names() async {
        let (name, lent, after) = await OwnThread.run { () -> (String, String, String) in
            let name = ThreadName.current
            let lent = ThreadName.with("x264 1280x720, and so on") { ThreadName.current }
            return (name, lent, ThreadName.current)
        }
        #expect(name == "task" && after == "task")
        #expect(lent == "x264 1280x720, ")
        #expect(await OwnThread.run(politely: true) { ThreadName.current } == "background")
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

@Suite("A part of a task that others become ready by", .serialized)
struct NextPartTests {
    private final class Count: Sendable {
        private let value = Atomic(0)
        var now: Int { value.load(ordering: .acquiring) }
        func set(_ number: Int) { value.store(number, ordering: .releasing) }
        func add() { value.add(1, ordering: .acquiringAndReleasing) }
        /// Blocks.
        func wait(for number: Int) {
            for _ in 0..<300_000 where now < number { usleep(100) }
        }
    }

    @Test("is followed by them on its own thread")
    func sameThread() async {
        let threads = await Task(executorPreference: BlockingTaskExecutor.shared) {
            await withTaskGroup(of: pthread_t.self) { group in
                var threads = [pthread_self()]
                group.addTask { pthread_self() }
                while let thread = await group.next() { threads.append(thread) }
                return threads + [pthread_self()]
            }
        }.value
        #expect(Set(threads).count == 1)
    }

    /// As an engine tells how far it is, and a task beside it that waits for that carries on.
    @Test("does not keep them waiting while it blocks")
    func blocking() async {
        let (numbers, number) = AsyncStream.makeStream(of: Int.self)
        let seen = Count()
        await Task(executorPreference: BlockingTaskExecutor.shared) {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for await number in numbers { seen.set(number) } }
                await OwnThread.run {
                    for count in 1...100 {
                        number.yield(count)
                        seen.wait(for: count)
                    }
                }
                #expect(seen.now == 100)
                number.finish()
            }
        }.value
    }

    @Test("leaves them to others when it goes on to block, and when there are more")
    func many() async {
        let here = Count()
        await Task(executorPreference: BlockingTaskExecutor.shared) {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        await OwnThread.run {
                            here.add()
                            here.wait(for: 21)
                        }
                    }
                }
                OwnThread.block {
                    here.add()
                    here.wait(for: 21)
                }
                #expect(here.now == 21)
            }
        }.value
    }
}
