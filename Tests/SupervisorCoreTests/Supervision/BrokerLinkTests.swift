import AMQP
import Queues
import TestSupport
import Testing

@testable import SupervisorCore

@Suite("The supervisor's connection", .timeLimit(.minutes(5)))
struct BrokerLinkTests {
    @Test("Who asks for queues with little patience does not wait for a broker that has fallen silent")
    func silence() async throws {
        let proxy = try FaultProxy(to: try await TestBroker.endpoint())
        defer { proxy.close() }
        let link = BrokerLink(logger: TestBroker.logger)
        try await link.connect(to: proxy.url(heartbeat: 60))
        _ = try await link.connected()
        #expect(await link.depths(of: ["none"], within: .seconds(60)) == [:])
        proxy.silence(true)
        #expect(await link.depths(of: ["none"], within: .milliseconds(100)) == nil)
        // Without the bound the connection would have been given up by then.
        #expect(await link.problem == nil)
        await link.close()
    }
}
