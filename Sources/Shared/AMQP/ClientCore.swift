import Logging
import Synchronization

/// The state that the application's side and the I/O thread of one client share.
final class ClientCore: Sendable {
    let endpoints: AMQPEndpoints
    let connectionName: String
    let configuration: AMQPConfiguration
    private let logger: Logger
    let mailbox = Mailbox()
    let states = StateBroadcast()
    let brokerIdentity = Mutex<BrokerIdentity?>(nil)
    let connectedEndpoint = Mutex<AMQPEndpoint?>(nil)
    /// Opens when the I/O thread has done its last work.
    let termination = Gate()
    private let lastID = Atomic<UInt64>(0)

    init(endpoints: AMQPEndpoints, connectionName: String, configuration: AMQPConfiguration, logger: Logger) {
        self.endpoints = endpoints
        self.connectionName = connectionName
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: "amqp.connection"] = "\(connectionName)"
        self.logger = logger
    }

    /// The log of a connection to one of the endpoints, or of a try to make one.
    func log(of endpoint: AMQPEndpoint) -> SessionLog {
        var logger = logger
        logger[metadataKey: "amqp.broker"] = "\(endpoint.redacted)"
        return SessionLog(logger: logger)
    }

    /// A number that this client has not used before.
    func nextID() -> UInt64 {
        lastID.wrappingAdd(1, ordering: .relaxed).newValue
    }

    func post(_ command: Command) {
        if !mailbox.post(command) { command.fail(.clientClosed) }
    }

    /// The end of the client: everything that still waits is answered.
    func terminate() {
        for command in mailbox.seal() {
            command.fail(.clientClosed)
        }
        states.send(.closed)
        termination.open()
    }
}
