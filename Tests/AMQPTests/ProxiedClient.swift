import AMQP
import Logging
import TestSupport

/// Runs `body` with a proxy to the test broker and a client that connects through it.
func withProxiedClient<Result>(
    configuration: AMQPConfiguration = .quick,
    logger: Logger = TestBroker.logger,
    _ body: (AMQPClient, FaultProxy) async throws -> Result
) async throws -> Result {
    let proxy = try FaultProxy(to: await TestBroker.endpoint())
    defer { proxy.close() }
    return try await withTestClient(to: proxy.endpoint, configuration: configuration, logger: logger) { client in
        try await body(client, proxy)
    }
}

extension AMQPConfiguration {
    /// Reconnects at once, so that tests need not wait.
    static let quick = AMQPConfiguration(
        backoff: BackoffPolicy(initial: .milliseconds(20), maximum: .milliseconds(200))
    )
}
