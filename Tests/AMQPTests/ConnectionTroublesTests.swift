import Testing

@testable import AMQP

@Suite struct ConnectionTroublesTests {
    private let here = AMQPEndpoint(host: "here")
    private let start = ContinuousClock.now

    @Test("The same failure is told once, and again after ten minutes")
    func once() {
        var troubles = ConnectionTroubles()
        let seconds = [0, 1, 30, 599, 600, 601, 1199, 1200]
        let told = seconds.filter { troubles.isNews(.connectionFailed, of: here, at: start + .seconds($0)) }
        #expect(told == [0, 600, 1200])
    }

    @Test("Another cause, another node, and a failure after a connection are news")
    func others() {
        var troubles = ConnectionTroubles()
        let there = AMQPEndpoint(host: "there")
        let told = [
            troubles.isNews(.connectionFailed, of: here, at: start),
            troubles.isNews(.accessRefused, of: here, at: start),
            troubles.isNews(.connectionFailed, of: here, at: start),
            troubles.isNews(.connectionFailed, of: there, at: start),
        ]
        #expect(told == [true, true, false, true])
        troubles.clear()
        let again = troubles.isNews(.connectionFailed, of: here, at: start)
        #expect(again)
    }
}
