import CRabbitMQ
import Glibc

/// One open connection of the C library, and its only owner.
///
/// Not thread-safe: created, used and destroyed on the client's I/O thread. Every status but "timed out" is the end
/// of the connection; the methods throw then, and the connection must be dropped.
struct BrokerConnection: ~Copyable {
    let state: amqp_connection_state_t
    let socketDescriptor: Int32
    /// The longest frame that both sides agreed on, and that is sent.
    let frameBytes: Int
    /// Channels are numbered from 1 to this.
    let maximumChannels: UInt16
    /// The agreed interval; zero when heartbeats are off.
    let heartbeat: Duration

    /// Connects, checks the certificate if asked to, and logs in.
    ///
    /// - Throws: `.connectionFailed`, `.tlsFailed`, `.accessRefused`, `.notAllowed`, `.closedByBroker`.
    init(
        to endpoint: AMQPEndpoint,
        name: String,
        configuration: AMQPConfiguration
    ) throws(AMQPError) {
        guard let state = amqp_new_connection() else {
            throw AMQPError(.systemError, "out of memory for a broker connection", isRetriable: true)
        }
        do {
            try Self.openSocket(state, to: endpoint, configuration: configuration)
            try Self.logIn(state, to: endpoint, name: name, configuration: configuration)
        } catch {
            amqp_destroy_connection(state)
            throw error
        }
        self.state = state
        socketDescriptor = amqp_get_sockfd(state)
        frameBytes = Int(amqp_get_frame_max(state))
        let channels = amqp_get_channel_max(state)
        maximumChannels = channels > 0 ? UInt16(clamping: channels) : UInt16(AMQP_DEFAULT_MAX_CHANNELS)
        heartbeat = .seconds(Int(amqp_get_heartbeat(state)))
        // RabbitMQ adds headers of its own (`x-death`, `x-delivery-count`) to a message whose headers just fit in a
        // frame, and sends the longer frame. The library would end the connection over it, at every delivery. Outgoing
        // messages are split by `frameBytes`.
        amqp_tune_connection(state, amqp_get_channel_max(state), Self.receivedFrameBytes, amqp_get_heartbeat(state))
    }

    /// Longer than any header that a broker makes. The library reserves so much address space, and uses what it needs.
    private static let receivedFrameBytes: Int32 = 4 << 20

    deinit {
        amqp_destroy_connection(state)
    }

    /// The next frame that is there already, or nil. Also sends and checks heartbeats: the library does that only
    /// inside its waiting calls, so this must be called a few times per heartbeat interval.
    func nextFrame() throws(AMQPError) -> Frame? {
        var frame = amqp_frame_t()
        let status = crabbitmq_next_frame(state, &frame)
        guard status != AMQP_STATUS_TIMEOUT.rawValue else { return nil }
        guard status == AMQP_STATUS_OK.rawValue else {
            throw AMQPError.library(status, doing: "reading from the broker")
        }
        // Without this every frame ever received stays in memory.
        defer { amqp_maybe_release_buffers_on_channel(state, frame.channel) }
        return Frame(frame)
    }

    /// After a failed write: the reason that the broker may have sent before it closed the connection.
    func closingReason() -> AMQPError? {
        while let frame = try? nextFrame() {
            if case .method(channel: 0, .connectionClose(let replyCode, let text)) = frame {
                return .broker(replyCode: replyCode, text: text)
            }
        }
        return nil
    }

    /// Says goodbye and waits a moment for the answer.
    func close() {
        _ = crabbitmq_set_rpc_timeout(state, Duration.seconds(2).wholeMicroseconds)
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    /// Answers the broker's own closing of the connection.
    func confirmClose() {
        var method = amqp_connection_close_ok_t()
        _ = amqp_send_method(state, 0, amqp_method_number_t(AMQP_CONNECTION_CLOSE_OK_METHOD), &method)
    }
}

extension Duration {
    /// Rounded down; at least 0 and at most 68 years.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = max(self, .zero).components
        return min(seconds, Int64(Int32.max)) * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
