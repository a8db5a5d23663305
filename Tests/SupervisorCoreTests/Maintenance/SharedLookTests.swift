import Testing

@testable import SupervisorCore

@Suite("A shared look", .timeLimit(.minutes(5)))
struct SharedLookTests {
    /// Looks that go on until the test lets them end.
    private actor Place {
        private(set) var looks: [Set<Int>] = []
        private(set) var most = 0
        private var present = 0
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func look(_ questions: Set<Int>) async -> [Int: Int] {
            looks.append(questions)
            present += 1
            most = max(most, present)
            if !isOpen { await withCheckedContinuation { waiting.append($0) } }
            present -= 1
            return Dictionary(uniqueKeysWithValues: questions.filter { $0 < 9 }.map { ($0, 10 * $0) })
        }

        func open() {
            isOpen = true
            for look in waiting { look.resume() }
            waiting = []
        }
    }

    @Test("goes on alone, and all who ask meanwhile share the next one")
    func shared() async throws {
        let place = Place()
        let look = SharedLook<Int, Int> { await place.look($0) }
        let first = Task { await look.answer(0) }
        while await place.looks.isEmpty { await Task.yield() }
        let others = (1...9).map { question in Task { await look.answer(question) } }
        while await look.questions.count < 9 { await Task.yield() }
        #expect(await place.looks == [[0]])
        await place.open()
        #expect(await first.value == 0)
        for (question, other) in zip(1..., others) {
            #expect(await other.value == (question < 9 ? 10 * question : nil))
        }
        #expect(await place.looks == [[0], Set(1...9)])
        #expect(await place.most == 1)
    }

    @Test("of an earlier question does not answer a later one")
    func fresh() async throws {
        let place = Place()
        await place.open()
        let look = SharedLook<Int, Int> { await place.look($0) }
        for _ in 0..<3 { #expect(await look.answer(4) == 40) }
        #expect(await place.looks == [[4], [4], [4]])
    }
}
