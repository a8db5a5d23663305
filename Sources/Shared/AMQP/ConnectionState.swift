/// The state of a client's connection.
package enum ConnectionState: Sendable, Hashable {
    /// Not connected yet, or between two tries.
    case connecting
    case connected
    /// Connected, but the broker takes no messages until its memory or disk alarm is over.
    case blocked(reason: String)
    /// The connection was lost or could not be made; the next try follows by itself.
    case disconnected(AMQPError)
    /// Closed by the application. Final.
    case closed

    package var isConnected: Bool {
        switch self {
        case .connected, .blocked: true
        case .connecting, .disconnected, .closed: false
        }
    }
}
