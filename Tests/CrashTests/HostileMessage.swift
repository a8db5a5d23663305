import AMQP
import JobModel

/// A message that somebody sends to a tree. Each has a body of its own, or a job's id of its own.
struct HostileMessage: Sendable {
    /// Which kind of message it is, for whoever has to find it again.
    var name: String
    var queue: String
    var message: AMQPMessage
    /// The id of the job that a worker reads in it; nil when it is no job. One parser decides.
    let id: ByteKey?
    /// The id of the job that it names and is not taken for; nil when it names none, or may be a job.
    let refusedID: ByteKey?

    init(_ name: String, to queue: String, _ message: AMQPMessage, kind: MediaKind) {
        self.name = name
        self.queue = queue
        self.message = message
        var read: (id: ByteText?, refused: ByteText?)
        do throws(MessageError) {
            let ticket = try Ticket(parsing: message.body, expecting: kind)
            read.id = ticket.id
            try ticket.checkLimits(bytes: message.body.count)
        } catch {
            read.refused = error.jobID
        }
        // A worker does not even read a message that is longer than any job.
        if message.body.count > Ticket.maximumBytes { read.refused = nil }
        id = read.id.map { ByteKey(Array($0.utf8)) }
        refusedID = read.refused.map { ByteKey(Array($0.utf8)) }
    }

    var body: ByteKey { ByteKey(message.body) }

    /// A short form, to recognise the message.
    var summary: String {
        let start = String(decoding: message.body.prefix(1500), as: UTF8.self)
        return "\(name), \(message.body.count) bytes to \(queue): \(start.debugDescription)\nheaders: "
            + String("\(message.headers)".prefix(1500))
    }
}

/// Bytes by their number and their hash, as a whole would fill the memory.
struct ByteKey: Hashable, Sendable {
    let count: Int
    private let digest: Int

    init(_ bytes: [UInt8]) {
        count = bytes.count
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        digest = hasher.finalize()
    }
}

/// JSON as it is written, right or wrong.
enum RawJSON {
    static func text(_ bytes: some Sequence<UInt8>) -> [UInt8] { [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")] }
    static func text(_ string: String) -> [UInt8] { text(string.utf8) }

    static func object(_ fields: [(name: [UInt8], value: [UInt8])]) -> [UInt8] {
        list(fields.map { $0.name + [UInt8(ascii: ":")] + $0.value }, "{", "}")
    }

    static func object(_ fields: KeyValuePairs<String, String>) -> [UInt8] {
        object(fields.map { (text($0), Array($1.utf8)) })
    }

    static func array(_ values: [[UInt8]]) -> [UInt8] { list(values, "[", "]") }

    private static func list(_ values: [[UInt8]], _ start: String, _ end: String) -> [UInt8] {
        Array(start.utf8) + values.joined(separator: [UInt8(ascii: ",")]) + Array(end.utf8)
    }
}
