import Glibc
import Synchronization
import Testing

@testable import TempFiles

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
    func manyAtOnce() async throws {
        let crowd = Crowd()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask { try await OwnThread.run { () throws(TempFileError) in crowd.meet(50) } }
            }
            try await group.waitForAll()
        }
    }

    @Test("is used again, and never one that was made to come last")
    func politeness() async throws {
        let usual = Self.niceValue()
        for _ in 1...20 {
            let polite = try await OwnThread.run(politely: true) { () throws(TempFileError) in Self.niceValue() }
            #expect(polite == 10)
            let plain = try await OwnThread.run { () throws(TempFileError) in Self.niceValue() }
            #expect(plain == usual)
        }
    }
}
