import Glibc
import Synchronization
import Testing

@testable import Threads

@Suite("A thread that may block")
struct BlockingThreadTests {
    /// Calls itself until so many bytes of the stack are in use.
    private static func descend(_ bytes: Int, from top: UInt) -> Int {
        var here = 0
        let used = withUnsafeMutablePointer(to: &here) { Int(top) - Int(bitPattern: $0) }
        return used >= bytes ? used : max(used, descend(bytes, from: top))
    }

    private static func blocks(_ signal: CInt) -> Bool {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        return sigismember(&mask, signal) == 1
    }

    @Test("has the name, of which 15 bytes stay, and a stack as large as it was told")
    func made() throws {
        let seen = Mutex(("", 0))
        // Twice what threads get by default.
        let thread = try BlockingThread(named: "a name of twenty-two b", stackBytes: 32 << 20) {
            var top = 0
            let used = withUnsafeMutablePointer(to: &top) { Self.descend(16 << 20, from: UInt(bitPattern: $0)) }
            seen.withLock { $0 = (ThreadName.current, used) }
        }
        thread.join()
        let (name, used) = seen.withLock { $0 }
        #expect(name == "a name of twent")
        #expect(used >= 16 << 20)
    }

    @Test("gets no signal when it is not to, and its maker's mask stays as it was", arguments: [true, false])
    func signals(areBlocked: Bool) async throws {
        // A thread of the pool may have a mask of its own.
        let (inside, before, after) = try await BlockingThread.run(named: "maker") { () -> (Bool?, Bool, Bool) in
            let inside = Mutex<Bool?>(nil)
            let before = Self.blocks(SIGUSR2)
            let thread = try? BlockingThread(named: "made", blocksSignals: areBlocked) {
                inside.withLock { $0 = Self.blocks(SIGUSR2) }
            }
            thread?.join()
            return (inside.withLock { $0 }, before, Self.blocks(SIGUSR2))
        }
        #expect(inside == areBlocked || inside == before && !areBlocked)
        #expect(before == after)
    }

    @Test("is waited for once; a second wait returns")
    func joins() throws {
        let done = Atomic(false)
        let thread = try BlockingThread(named: "slow") {
            usleep(20_000)
            done.store(true, ordering: .releasing)
        }
        thread.join()
        let isDone = done.load(ordering: .acquiring)
        #expect(isDone)
        thread.join()
    }

    @Test("runs on when nobody keeps it")
    func dropped() async throws {
        let (values, continuation) = AsyncStream.makeStream(of: String.self)
        let mayEnd = Atomic(false)
        _ = try BlockingThread(named: "alone") {
            while !mayEnd.load(ordering: .acquiring) { usleep(100) }
            continuation.yield(ThreadName.current)
            continuation.finish()
        }
        mayEnd.store(true, ordering: .releasing)
        #expect(await values.first { _ in true } == "alone")
    }

    @Test("returns what its body returns")
    func result() async throws {
        let (name, isPool) = try await BlockingThread.run(named: "answer") { (ThreadName.current, OwnThread.isCurrent) }
        #expect(name == "answer" && !isPool)
    }

    @Test("that cannot be had is an error with its name and errno, and the body is freed")
    func refused() throws {
        final class Marker: Sendable {}
        weak var marker: Marker?
        let failure: ThreadError? = {
            let kept = Marker()
            marker = kept
            do throws(ThreadError) {
                // No system has so much memory.
                _ = try BlockingThread(named: "huge", stackBytes: 1 << 60) { _ = kept }
                return nil
            } catch { return error }
        }()
        let error = try #require(failure)
        #expect(error.name == "huge" && error.errno != 0)
        #expect(error.description.contains("huge") && error.description.contains("\(error.errno)"))
        #expect(marker == nil)
    }
}
