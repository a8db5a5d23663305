internal import AMQP
internal import Logging

/// The supervisor's own connection to the broker. It carries nothing: its heartbeats tell whether the broker is there.
actor BrokerLink {
    private var client: AMQPClient?
    private(set) var address = ""
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Connects, now and whenever the connection breaks, to the broker at `url` and to no other.
    func connect(to url: String) async throws(AMQPError) {
        let endpoint = try AMQPEndpoint(parsing: url)
        let next = AMQPClient(endpoint: endpoint, connectionName: "supervisor", logger: logger)
        try next.start()
        let previous = client
        client = next
        address = endpoint.redacted
        await previous?.close()
    }

    func close() async { await client?.close() }

    /// nil when connected.
    var problem: String? {
        switch client?.state {
        case .connected, .blocked: nil
        case .disconnected(let error): error.message
        case .connecting: "not connected yet"
        case .closed, nil: "the connection is closed"
        }
    }

    var blockedReason: String? {
        if case .blocked(let reason) = client?.state { reason } else { nil }
    }
}
