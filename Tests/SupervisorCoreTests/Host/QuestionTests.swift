import Testing

@testable import SupervisorCore

@Suite("A question", .timeLimit(.minutes(5)))
struct QuestionTests {
    @Test("is answered in time, or goes on when its asker has lost patience")
    func patience() async {
        let quick = Question { 7 }
        #expect(await quick.answer(within: .seconds(240)) == 7)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let slow = Question { () -> Int in
            for await _ in gate {}
            return 8
        }
        #expect(await slow.answer(within: .milliseconds(1)) == nil)
        opener.finish()
        await slow.task.value
    }

    @Test("is given up by an asker that is cancelled")
    func cancelled() async {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let slow = Question { for await _ in gate {} }
        let asker = Task { await slow.answer(within: .seconds(240)) == nil }
        asker.cancel()
        #expect(await asker.value)
        opener.finish()
        await slow.task.value
    }
}
