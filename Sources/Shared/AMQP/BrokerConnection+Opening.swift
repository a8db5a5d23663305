import CRabbitMQ
import Glibc

extension BrokerConnection {
    static func openSocket(
        _ state: amqp_connection_state_t,
        to endpoint: AMQPEndpoint,
        configuration: AMQPConfiguration
    ) throws(AMQPError) {
        guard let socket = endpoint.usesTLS ? amqp_ssl_socket_new(state) : amqp_tcp_socket_new(state) else {
            throw AMQPError(.systemError, "out of memory for a broker socket", isRetriable: true)
        }
        if endpoint.usesTLS {
            let path = endpoint.certificateAuthoritiesPath ?? configuration.certificateAuthoritiesPath
            guard amqp_ssl_socket_set_cacert(socket, path) == AMQP_STATUS_OK.rawValue else {
                throw AMQPError(
                    .tlsFailed,
                    "cannot read trusted certificates from \(path); install ca-certificates, or name a file in PEM "
                        + "with ?cacertfile= in the broker URL",
                    isRetriable: true
                )
            }
            amqp_ssl_socket_set_verify_peer(socket, 1)
            amqp_ssl_socket_set_verify_hostname(socket, 1)
            _ = amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        }
        let connectTime = configuration.connectTimeout.wholeMicroseconds
        let status = crabbitmq_open_socket(socket, endpoint.host, Int32(endpoint.port), connectTime)
        guard status == AMQP_STATUS_OK.rawValue else {
            throw unreachable(endpoint, status: status, configuration)
        }
        // A broker that is silent after that must not hold the thread.
        _ = crabbitmq_set_handshake_timeout(state, connectTime)
        _ = crabbitmq_set_rpc_timeout(state, configuration.replyTimeout.wholeMicroseconds)
    }

    static func logIn(
        _ state: amqp_connection_state_t,
        to endpoint: AMQPEndpoint,
        name: String,
        configuration: AMQPConfiguration
    ) throws(AMQPError) {
        let pool = EncodingPool()
        var properties = try pool.table([
            "product": "media-processor",
            "connection_name": .string(name),
            // The library announces its other capabilities by itself.
            "capabilities": .table([
                "basic.nack": true, "connection.blocked": true, "consumer_cancel_notify": true,
                "publisher_confirms": true,
            ]),
        ])
        let heartbeatSeconds =
            endpoint.heartbeatSeconds.map(Int32.init)
            ?? Int32(clamping: max(0, configuration.heartbeat.components.seconds))
        let reply = crabbitmq_login_plain(
            state,
            endpoint.virtualHost,
            Int32(AMQPLimits.frameBytes),
            heartbeatSeconds,
            &properties,
            endpoint.user,
            endpoint.password
        )
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw refused(endpoint, reply: reply)
        default:
            throw AMQPError(
                .connectionFailed,
                "the broker at \(endpoint.redacted) did not complete the login: "
                    + AMQPError.library(reply.library_error, doing: "logging in").message
                    + "; check that this is an AMQP 0-9-1 port, and the broker's log",
                isRetriable: true,
                libraryStatus: reply.library_error
            )
        }
    }

    private static func unreachable(
        _ endpoint: AMQPEndpoint,
        status: Int32,
        _ configuration: AMQPConfiguration
    ) -> AMQPError {
        let cause = AMQPError.library(status, doing: "connecting")
        let path = endpoint.certificateAuthoritiesPath ?? configuration.certificateAuthoritiesPath
        let advice =
            switch status {
            case AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue:
                "check that its certificate has not expired and was signed by an authority in \(path); "
                    + "?cacertfile= in the broker URL names another file"
            case AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue:
                "its certificate is not for '\(endpoint.host)'; put a host name that it names into the broker URL"
            case _ where cause.code == .tlsFailed:
                "check that this port speaks TLS 1.2 or later, the broker's certificate, and the authorities in \(path)"
            default: "check that the broker runs and the address is right"
            }
        return AMQPError(
            cause.code,
            "cannot reach the broker at \(endpoint.redacted): "
                + "\(words(endpoint, status, configuration) ?? cause.message); \(advice)",
            isRetriable: true,
            libraryStatus: status
        )
    }

    /// Better words than the library's, where there are any.
    private static func words(_ endpoint: AMQPEndpoint, _ status: Int32, _ configuration: AMQPConfiguration) -> String?
    {
        switch status {
        case AMQP_STATUS_SOCKET_ERROR.rawValue:
            ConnectTrial(
                host: endpoint.host,
                port: endpoint.port,
                limit: min(configuration.connectTimeout, .seconds(2))
            )
            .cause()
        case AMQP_STATUS_HOSTNAME_RESOLUTION_FAILED.rawValue: "no address is known for the name '\(endpoint.host)'"
        case AMQP_STATUS_TIMEOUT.rawValue: "it did not answer within \(configuration.connectTimeout)"
        default: nil
        }
    }

    private static func refused(_ endpoint: AMQPEndpoint, reply: amqp_rpc_reply_t) -> AMQPError {
        guard case .connectionClose(let replyCode, let text) = Method(reply.reply) else {
            return AMQPError(
                .closedByBroker,
                "the broker at \(endpoint.redacted) ended the login without a reason; see the broker's log",
                isRetriable: true
            )
        }
        let cause = AMQPError.broker(replyCode: replyCode, text: text)
        let advice =
            switch cause.code {
            case .accessRefused: "check user '\(endpoint.user)' and the password in the broker URL"
            case .notAllowed:
                "check that virtual host '\(endpoint.virtualHost)' exists and user '\(endpoint.user)' may use it"
            default: "see the broker's log"
            }
        return AMQPError(
            cause.code,
            "the broker refuses the login at \(endpoint.redacted): \(text); \(advice)",
            isRetriable: cause.isRetriable,
            replyCode: replyCode
        )
    }
}
