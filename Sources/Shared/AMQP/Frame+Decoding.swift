import CRabbitMQ

extension Frame {
    /// Copies a frame. The library's memory may be released afterwards.
    init(_ frame: amqp_frame_t) {
        switch Int32(frame.frame_type) {
        case AMQP_FRAME_METHOD:
            self = .method(channel: frame.channel, Method(frame.payload.method))
        case AMQP_FRAME_HEADER:
            let header = frame.payload.properties
            var properties = MessageProperties()
            if Int32(header.class_id) == AMQP_BASIC_CLASS, let decoded = header.decoded {
                properties = MessageProperties(decoded.load(as: amqp_basic_properties_t.self))
            }
            self = .header(channel: frame.channel, bodyBytes: header.body_size, properties)
        case AMQP_FRAME_BODY:
            self = .body(channel: frame.channel, frame.payload.body_fragment.copied)
        default:
            self = .other
        }
    }
}

extension Method {
    init(_ method: amqp_method_t) {
        self = Self.content(of: method) ?? Self.answer(method) ?? .unknown(id: method.id)
    }

    /// Methods that come without a request.
    private static func content(of method: amqp_method_t) -> Method? {
        guard let decoded = method.decoded else { return nil }
        switch method.id {
        case AMQP_BASIC_DELIVER_METHOD:
            let deliver = decoded.load(as: amqp_basic_deliver_t.self)
            return .deliver(Deliver(tag: deliver.delivery_tag, isRedelivered: deliver.redelivered != 0))
        case AMQP_BASIC_GET_OK_METHOD:
            let got = decoded.load(as: amqp_basic_get_ok_t.self)
            return .getOk(Deliver(tag: got.delivery_tag, isRedelivered: got.redelivered != 0))
        case AMQP_BASIC_RETURN_METHOD:
            let returned = decoded.load(as: amqp_basic_return_t.self)
            return .returned(
                Returned(
                    replyCode: returned.reply_code,
                    text: returned.reply_text.text,
                    queue: returned.routing_key.text
                )
            )
        case AMQP_BASIC_ACK_METHOD:
            let ack = decoded.load(as: amqp_basic_ack_t.self)
            return .ack(tag: ack.delivery_tag, multiple: ack.multiple != 0)
        case AMQP_BASIC_NACK_METHOD:
            let nack = decoded.load(as: amqp_basic_nack_t.self)
            return .nack(tag: nack.delivery_tag, multiple: nack.multiple != 0)
        case AMQP_BASIC_CANCEL_METHOD:
            return .cancel(consumerTag: decoded.load(as: amqp_basic_cancel_t.self).consumer_tag.text)
        case AMQP_CHANNEL_CLOSE_METHOD:
            let close = decoded.load(as: amqp_channel_close_t.self)
            return .channelClose(
                ChannelClose(
                    replyCode: close.reply_code,
                    text: close.reply_text.text,
                    classID: close.class_id,
                    methodID: close.method_id
                )
            )
        case AMQP_CONNECTION_CLOSE_METHOD:
            let close = decoded.load(as: amqp_connection_close_t.self)
            return .connectionClose(replyCode: close.reply_code, text: close.reply_text.text)
        case AMQP_CONNECTION_BLOCKED_METHOD:
            return .blocked(reason: decoded.load(as: amqp_connection_blocked_t.self).reason.text)
        default:
            return nil
        }
    }

    private static func answer(_ method: amqp_method_t) -> Method? {
        switch method.id {
        case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpenOk
        case AMQP_CHANNEL_CLOSE_OK_METHOD: return .channelCloseOk
        case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmSelectOk
        case AMQP_TX_SELECT_OK_METHOD: return .txSelectOk
        case AMQP_TX_COMMIT_OK_METHOD: return .txCommitOk
        case AMQP_BASIC_QOS_OK_METHOD: return .qosOk
        case AMQP_BASIC_CONSUME_OK_METHOD: return .consumeOk
        case AMQP_BASIC_CANCEL_OK_METHOD: return .cancelOk
        case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
        case AMQP_BASIC_GET_EMPTY_METHOD: return .getEmpty
        default: break
        }
        guard let decoded = method.decoded else { return nil }
        switch method.id {
        case AMQP_QUEUE_DECLARE_OK_METHOD:
            return .queueDeclareOk(messageCount: decoded.load(as: amqp_queue_declare_ok_t.self).message_count)
        case AMQP_QUEUE_PURGE_OK_METHOD:
            return .queuePurgeOk(messageCount: decoded.load(as: amqp_queue_purge_ok_t.self).message_count)
        case AMQP_QUEUE_DELETE_OK_METHOD:
            return .queueDeleteOk(messageCount: decoded.load(as: amqp_queue_delete_ok_t.self).message_count)
        default:
            return nil
        }
    }
}

extension MessageProperties {
    init(_ properties: amqp_basic_properties_t) {
        func has(_ flag: Int32) -> Bool { properties._flags & amqp_flags_t(flag) != 0 }
        if has(AMQP_BASIC_CONTENT_TYPE_FLAG) { contentType = AMQPText(bytes: properties.content_type.copied) }
        if has(AMQP_BASIC_MESSAGE_ID_FLAG) { messageID = AMQPText(bytes: properties.message_id.copied) }
        if has(AMQP_BASIC_CORRELATION_ID_FLAG) { correlationID = AMQPText(bytes: properties.correlation_id.copied) }
        if has(AMQP_BASIC_TYPE_FLAG) { type = AMQPText(bytes: properties.type.copied) }
        if has(AMQP_BASIC_PRIORITY_FLAG) { priority = properties.priority }
        if has(AMQP_BASIC_DELIVERY_MODE_FLAG) { deliveryMode = properties.delivery_mode }
        if has(AMQP_BASIC_TIMESTAMP_FLAG) { timestamp = properties.timestamp }
        if has(AMQP_BASIC_HEADERS_FLAG) { headers = AMQPValue.decode(properties.headers, depth: 0) }
    }
}

extension AMQPValue {
    /// Copies a table. If a name stands several times, its last value counts; values that are nested too deep are left
    /// out. The result can always be sent.
    static func decode(_ table: amqp_table_t, depth: Int) -> [AMQPText: AMQPValue] {
        guard let entries = table.entries, table.num_entries > 0 else { return [:] }
        var decoded: [AMQPText: AMQPValue] = [:]
        for entry in UnsafeBufferPointer(start: entries, count: Int(table.num_entries)) {
            guard let value = AMQPValue(entry.value, depth: depth) else { continue }
            decoded[AMQPText(bytes: entry.key.copied)] = value
        }
        return decoded
    }

    /// Nil for kinds that have no meaning here, and for values that are nested too deep.
    private init?(_ field: amqp_field_value_t, depth: Int) {
        switch UInt32(field.kind) {
        case AMQP_FIELD_KIND_BOOLEAN.rawValue: self = .bool(field.value.boolean != 0)
        case AMQP_FIELD_KIND_I8.rawValue: self = .int(Int64(field.value.i8))
        case AMQP_FIELD_KIND_U8.rawValue: self = .int(Int64(field.value.u8))
        case AMQP_FIELD_KIND_I16.rawValue: self = .int(Int64(field.value.i16))
        case AMQP_FIELD_KIND_U16.rawValue: self = .int(Int64(field.value.u16))
        case AMQP_FIELD_KIND_I32.rawValue: self = .int(Int64(field.value.i32))
        case AMQP_FIELD_KIND_U32.rawValue: self = .int(Int64(field.value.u32))
        case AMQP_FIELD_KIND_I64.rawValue: self = .int(field.value.i64)
        case AMQP_FIELD_KIND_U64.rawValue: self = .int(Int64(clamping: field.value.u64))
        case AMQP_FIELD_KIND_F32.rawValue: self = .double(Double(field.value.f32))
        case AMQP_FIELD_KIND_F64.rawValue: self = .double(field.value.f64)
        case AMQP_FIELD_KIND_DECIMAL.rawValue: self = .double(Self.decimal(field.value.decimal))
        case AMQP_FIELD_KIND_UTF8.rawValue:
            self = .string(AMQPText(bytes: field.value.bytes.copied))
        case AMQP_FIELD_KIND_BYTES.rawValue: self = .bytes(field.value.bytes.copied)
        case AMQP_FIELD_KIND_TIMESTAMP.rawValue: self = .timestamp(secondsSince1970: field.value.u64)
        case AMQP_FIELD_KIND_TABLE.rawValue:
            guard depth + 1 < Self.maximumDepth else { return nil }
            self = .table(Self.decode(field.value.table, depth: depth + 1))
        case AMQP_FIELD_KIND_ARRAY.rawValue:
            guard depth + 1 < Self.maximumDepth else { return nil }
            self = .array(Self.decode(field.value.array, depth: depth + 1))
        case AMQP_FIELD_KIND_VOID.rawValue: self = .null
        default: return nil
        }
    }

    private static func decode(_ array: amqp_array_t, depth: Int) -> [AMQPValue] {
        guard let entries = array.entries, array.num_entries > 0 else { return [] }
        return UnsafeBufferPointer(start: entries, count: Int(array.num_entries)).compactMap {
            AMQPValue($0, depth: depth)
        }
    }

    private static func decimal(_ decimal: amqp_decimal_t) -> Double {
        var value = Double(decimal.value)
        for _ in 0..<decimal.decimals {
            value /= 10
        }
        return value
    }
}

extension amqp_bytes_t {
    var copied: [UInt8] {
        guard let bytes, len > 0 else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: len))
    }

    /// The bytes as text; bytes that are not UTF-8 become U+FFFD.
    var text: String {
        guard let bytes, len > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: len), as: UTF8.self)
    }
}
