import CRabbitMQ

/// The identity that a broker gives in the handshake.
package struct BrokerIdentity: Sendable, Hashable {
    /// Such as `RabbitMQ`.
    package var product: String
    /// Such as `3.10.8`.
    package var version: String
    /// Empty when the broker has none.
    package var clusterName: String

    package init(product: String, version: String, clusterName: String = "") {
        self.product = product
        self.version = version
        self.clusterName = clusterName
    }

    init(_ properties: [AMQPText: AMQPValue]) {
        func text(_ name: AMQPText) -> String {
            if case .string(let text) = properties[name] { text.description } else { "" }
        }
        self.init(product: text("product"), version: text("version"), clusterName: text("cluster_name"))
    }
}

extension BrokerConnection {
    /// nil when the broker said nothing.
    var brokerIdentity: BrokerIdentity? {
        amqp_get_server_properties(state).map { BrokerIdentity(AMQPValue.decode($0.pointee, depth: 0)) }
    }
}
