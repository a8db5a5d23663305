import CRabbitMQ

extension BrokerConnection {
    func openChannel(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_channel_open_t()
        try send(channel, AMQP_CHANNEL_OPEN_METHOD, &method)
    }

    func closeChannel(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_channel_close_t()
        method.reply_code = UInt16(AMQP_REPLY_SUCCESS)
        try send(channel, AMQP_CHANNEL_CLOSE_METHOD, &method)
    }

    /// Answers the broker's own closing of a channel.
    func confirmCloseChannel(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_channel_close_ok_t()
        try send(channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &method)
    }

    func selectConfirms(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_confirm_select_t()
        try send(channel, AMQP_CONFIRM_SELECT_METHOD, &method)
    }

    func selectTransactions(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_tx_select_t()
        try send(channel, AMQP_TX_SELECT_METHOD, &method)
    }

    func commit(_ channel: UInt16) throws(AMQPError) {
        var method = amqp_tx_commit_t()
        try send(channel, AMQP_TX_COMMIT_METHOD, &method)
    }

    func declare(_ channel: UInt16, _ queue: AMQPQueue, passive: Bool) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_queue_declare_t()
        method.queue = try pool.bytes(queue.name)
        method.passive = passive ? 1 : 0
        method.durable = queue.isDurable ? 1 : 0
        method.arguments = try pool.table(queue.arguments)
        try send(channel, AMQP_QUEUE_DECLARE_METHOD, &method)
    }

    func purge(_ channel: UInt16, queue: String) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_queue_purge_t()
        method.queue = try pool.bytes(queue)
        try send(channel, AMQP_QUEUE_PURGE_METHOD, &method)
    }

    func delete(_ channel: UInt16, queue: String) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_queue_delete_t()
        method.queue = try pool.bytes(queue)
        try send(channel, AMQP_QUEUE_DELETE_METHOD, &method)
    }

    func setPrefetch(_ channel: UInt16, _ count: UInt16) throws(AMQPError) {
        var method = amqp_basic_qos_t()
        method.prefetch_count = count
        try send(channel, AMQP_BASIC_QOS_METHOD, &method)
    }

    func consume(
        _ channel: UInt16,
        queue: String,
        consumerTag: String,
        arguments: [AMQPText: AMQPValue]
    ) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_basic_consume_t()
        method.queue = try pool.bytes(queue)
        method.consumer_tag = try pool.bytes(consumerTag)
        method.arguments = try pool.table(arguments)
        try send(channel, AMQP_BASIC_CONSUME_METHOD, &method)
    }

    func cancel(_ channel: UInt16, consumerTag: String) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_basic_cancel_t()
        method.consumer_tag = try pool.bytes(consumerTag)
        try send(channel, AMQP_BASIC_CANCEL_METHOD, &method)
    }

    /// Asks for the next message of a queue.
    func get(_ channel: UInt16, queue: String) throws(AMQPError) {
        let pool = EncodingPool()
        var method = amqp_basic_get_t()
        method.queue = try pool.bytes(queue)
        try send(channel, AMQP_BASIC_GET_METHOD, &method)
    }

    func acknowledge(_ channel: UInt16, tag: UInt64) throws(AMQPError) {
        try check(amqp_basic_ack(state, channel, tag, 0))
    }

    func reject(_ channel: UInt16, tag: UInt64, requeue: Bool) throws(AMQPError) {
        try check(amqp_basic_reject(state, channel, tag, requeue ? 1 : 0))
    }

    /// Publishes to the default exchange, whose routing keys are queue names, as mandatory.
    ///
    /// The message was validated before.
    func publish(_ channel: UInt16, _ message: AMQPMessage, to queue: String) throws(AMQPError) {
        let pool = EncodingPool()
        var properties = amqp_basic_properties_t()
        func set(_ flag: Int32) { properties._flags |= amqp_flags_t(flag) }
        set(AMQP_BASIC_DELIVERY_MODE_FLAG)
        properties.delivery_mode = message.isPersistent ? 2 : 1
        if let contentType = message.contentType {
            set(AMQP_BASIC_CONTENT_TYPE_FLAG)
            properties.content_type = try pool.bytes(contentType)
        }
        if let messageID = message.messageID {
            set(AMQP_BASIC_MESSAGE_ID_FLAG)
            properties.message_id = try pool.bytes(messageID)
        }
        if let correlationID = message.correlationID {
            set(AMQP_BASIC_CORRELATION_ID_FLAG)
            properties.correlation_id = try pool.bytes(correlationID)
        }
        if let type = message.type {
            set(AMQP_BASIC_TYPE_FLAG)
            properties.type = try pool.bytes(type)
        }
        if let expiration = message.expirationMilliseconds {
            set(AMQP_BASIC_EXPIRATION_FLAG)
            properties.expiration = try pool.bytes(String(expiration))
        }
        if let priority = message.priority {
            set(AMQP_BASIC_PRIORITY_FLAG)
            properties.priority = priority
        }
        if !message.headers.isEmpty {
            set(AMQP_BASIC_HEADERS_FLAG)
            properties.headers = try pool.table(message.headers)
        }
        let routingKey = try pool.bytes(queue)
        guard message.body.count + Self.framing <= frameBytes else {
            return try publish(channel, message.body, &properties, routingKey)
        }
        let state = state
        let status = message.body.withUnsafeBytes { body in
            // The library only reads the body; its structure has no const pointer.
            let bytes = amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress))
            return amqp_basic_publish(state, channel, amqp_empty_bytes, routingKey, 1, 0, &properties, bytes)
        }
        try check(status)
    }

    /// The length of a frame's header and end, in bytes.
    private static let framing = 8

    /// Publishes a body of several frames, which the library would make as long as those that it receives.
    private func publish(
        _ channel: UInt16,
        _ body: [UInt8],
        _ properties: inout amqp_basic_properties_t,
        _ routingKey: amqp_bytes_t
    ) throws(AMQPError) {
        var method = amqp_basic_publish_t()
        method.exchange = amqp_empty_bytes
        method.routing_key = routingKey
        method.mandatory = 1
        try send(channel, AMQP_BASIC_PUBLISH_METHOD, &method)
        let (state, longest) = (state, frameBytes - Self.framing)
        let status = withUnsafeMutablePointer(to: &properties) { properties in
            var frame = amqp_frame_t()
            frame.channel = channel
            frame.frame_type = UInt8(AMQP_FRAME_HEADER)
            frame.payload.properties.class_id = UInt16(AMQP_BASIC_CLASS)
            frame.payload.properties.body_size = UInt64(body.count)
            frame.payload.properties.decoded = UnsafeMutableRawPointer(properties)
            return amqp_send_frame(state, &frame)
        }
        try check(status)
        for start in stride(from: 0, to: body.count, by: longest) {
            let status = body.withUnsafeBytes { bytes in
                let part = bytes[start..<min(start + longest, bytes.count)]
                var frame = amqp_frame_t()
                frame.channel = channel
                frame.frame_type = UInt8(AMQP_FRAME_BODY)
                // The library only reads it; its structure has no const pointer.
                frame.payload.body_fragment = amqp_bytes_t(
                    len: part.count,
                    bytes: UnsafeMutableRawPointer(mutating: UnsafeRawBufferPointer(rebasing: part).baseAddress)
                )
                return amqp_send_frame(state, &frame)
            }
            try check(status)
        }
    }

    private func send(_ channel: UInt16, _ id: UInt32, _ method: UnsafeMutableRawPointer) throws(AMQPError) {
        try check(amqp_send_method(state, channel, id, method))
    }

    private func check(_ status: Int32) throws(AMQPError) {
        guard status != AMQP_STATUS_OK.rawValue else { return }
        let failure = AMQPError.library(status, doing: "writing to the broker")
        throw closingReason() ?? failure
    }
}
