import Testing

@testable import SupervisorCore

@Suite("The client of the supervisor", .timeLimit(.minutes(2)))
struct SupervisorHTTPTests {
    @Test("says that nobody answers, as often as it is asked")
    func nobody() async {
        let http = SupervisorHTTP(port: 1)
        await withTaskGroup(of: Void.self) { group in
            for _ in 1...500 {
                group.addTask {
                    let failure = await #expect(throws: SupervisorHTTP.Failure.self) { try await http.get("/health") }
                    #expect(failure?.description == "nobody answers on 127.0.0.1:1")
                }
            }
        }
    }

    @Test("may be given up at any moment")
    func cancelled() async {
        let http = SupervisorHTTP(port: 1)
        for delay in 0..<200 {
            let asking = Task { try await http.get("/health") }
            try? await Task.sleep(for: .microseconds(delay * 10))
            asking.cancel()
            _ = await asking.result
        }
    }
}
