/// A frame from the broker, copied out of the library's memory.
enum Frame {
    case method(channel: UInt16, Method)
    /// Opens a message's content: its properties, and how many body bytes follow.
    case header(channel: UInt16, bodyBytes: UInt64, MessageProperties)
    case body(channel: UInt16, [UInt8])
    /// A frame that means nothing to this client.
    case other
}

/// The methods that a broker sends.
enum Method {
    case channelOpenOk
    case channelClose(ChannelClose)
    case channelCloseOk
    case confirmSelectOk
    case txSelectOk
    case txCommitOk
    case queueDeclareOk(messageCount: UInt32)
    case queuePurgeOk(messageCount: UInt32)
    case queueDeleteOk(messageCount: UInt32)
    case qosOk
    case consumeOk
    case cancelOk
    /// The broker ended a consumer, for example because its queue was deleted.
    case cancel(consumerTag: String)
    case deliver(Deliver)
    /// A message that was requested.
    case getOk(Deliver)
    case getEmpty
    case returned(Returned)
    case ack(tag: UInt64, multiple: Bool)
    case nack(tag: UInt64, multiple: Bool)
    case connectionClose(replyCode: UInt16, text: String)
    case blocked(reason: String)
    case unblocked
    case unknown(id: UInt32)

    struct ChannelClose {
        var replyCode: UInt16
        var text: String
        /// The method that the broker objects to, such as 50 and 10 for queue.declare; 0 and 0 when none.
        var classID: UInt16
        var methodID: UInt16

        var isAboutQueueDeclare: Bool { classID == 50 && methodID == 10 }
    }

    struct Deliver {
        var tag: UInt64
        var isRedelivered: Bool
    }

    struct Returned {
        var replyCode: UInt16
        var text: String
        var queue: String
    }

    /// Which answer a request waits for.
    enum Kind {
        case channelOpenOk, channelCloseOk, confirmSelectOk, txSelectOk, txCommitOk
        case queueDeclareOk, queuePurgeOk, queueDeleteOk, qosOk, consumeOk, cancelOk
        /// A message, or that there is none.
        case getAnswer
    }

    /// The kind of answer that this is, or nil when no request asked for it.
    var answerKind: Kind? {
        switch self {
        case .channelOpenOk: .channelOpenOk
        case .channelCloseOk: .channelCloseOk
        case .confirmSelectOk: .confirmSelectOk
        case .txSelectOk: .txSelectOk
        case .txCommitOk: .txCommitOk
        case .queueDeclareOk: .queueDeclareOk
        case .queuePurgeOk: .queuePurgeOk
        case .queueDeleteOk: .queueDeleteOk
        case .qosOk: .qosOk
        case .consumeOk: .consumeOk
        case .cancelOk: .cancelOk
        case .getOk, .getEmpty: .getAnswer
        default: nil
        }
    }
}

/// The properties of a received message, as bytes: they go into dead letters as they came.
struct MessageProperties {
    var contentType: AMQPText?
    var messageID: AMQPText?
    var correlationID: AMQPText?
    var type: AMQPText?
    var priority: UInt8?
    var deliveryMode: UInt8?
    var timestamp: UInt64?
    var headers: [AMQPText: AMQPValue] = [:]
}
