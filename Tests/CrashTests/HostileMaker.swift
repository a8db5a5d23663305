import AMQP
import JobModel
import Queues
import TestSupport

/// Makes messages by chance: the same for the same seed and number, whatever was made before.
struct HostileMaker {
    private var chance: Seed
    private let seed: UInt64
    private let number: Int
    private let tree: HostileTree

    private init(_ seed: UInt64, _ number: Int, _ tree: HostileTree) {
        self.seed = seed
        self.number = number
        self.tree = tree
        chance = Seed(seed &+ UInt64(truncatingIfNeeded: number) &* 0xA076_1D64_78BD_642F)
    }

    static func message(_ seed: UInt64, _ number: Int, to tree: HostileTree) -> HostileMessage {
        var maker = HostileMaker(seed, number, tree)
        return maker.make()
    }

    // MARK: - Chance

    private mutating func pick<T>(_ values: [T], or other: T) -> T { values.randomElement(using: &chance) ?? other }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &chance) }
    private mutating func happens(_ percent: Int) -> Bool { number(1...100) <= percent }
    private mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &chance) }
    }

    /// Small most of the time, and now and then as much as `most`.
    private mutating func size(_ most: Int) -> Int { number(0...min(most, happens(10) ? most : 1 + most / 50)) }

    // MARK: - Message

    private mutating func make() -> HostileMessage {
        var queue = tree.queue(.download)
        if happens(40) {
            queue = pick(
                [
                    tree.queue(.process), tree.queue(.upload), tree.queue(.cleanup),
                    tree.names.legacyRequests(HostileTree.kind),
                    tree.names.retry(
                        HostileTree.kind,
                        .download,
                        delayMilliseconds: QueueNames.retrySteps[0]
                    ),
                ],
                or: queue
            )
        }
        var message: AMQPMessage
        let name: String
        switch number(0...9) {
        case 0: (name, message) = ("bytes", AMQPMessage(body: bytes(size(4000)) + unique))
        case 1: (name, message) = ("words", AMQPMessage(body: oddValue(3) + unique))
        case 2: (name, message) = ("legacy", AMQPMessage(body: legacy()))
        case 3, 4: (name, message) = ("mutated", AMQPMessage(body: mutated(job())))
        default: (name, message) = ("job", AMQPMessage(body: job()))
        }
        dress(&message, for: queue)
        return HostileMessage("\(name) \(number)", to: queue, message, kind: HostileTree.kind)
    }

    /// No other message has it.
    private var unique: [UInt8] { Array("\(seed)-\(number)".utf8) }

    private mutating func mutated(_ body: [UInt8]) -> [UInt8] {
        var body = body
        for _ in 0...number(0...7) where !body.isEmpty {
            let at = number(0...body.count - 1)
            let end = min(at + size(200), body.count)
            switch number(0...5) {
            case 0: body[at] = UInt8.random(in: 0...255, using: &chance)
            case 1: body[at] ^= 1 << UInt8(number(0...7))
            case 2: body.insert(contentsOf: bytes(size(100)), at: at)
            case 3: body.removeSubrange(at..<end)
            case 4: body.insert(contentsOf: body[at..<end], at: at)
            default: body.insert(contentsOf: oddValue(2), at: at)
            }
        }
        if happens(10) { body.removeLast(number(0...body.count)) }
        // The rest may be the body of another message.
        return body + (body.count < 40 ? unique : [])
    }

    private mutating func legacy() -> [UInt8] {
        var fields: [(name: [UInt8], value: [UInt8])] = [
            (RawJSON.text("type"), RawJSON.text(happens(80) ? "image_processing_request" : "a_processing_request")),
            (RawJSON.text("job_id"), RawJSON.text("fuzz-".utf8 + unique)),
            (RawJSON.text("media_id"), RawJSON.text("m")), (RawJSON.text("s3_key"), RawJSON.text("none")),
        ]
        for _ in 0..<number(0...3) {
            let name = pick(["progress_interval", "timestamp", "user_id", "job_id", "id", "mediaType"], or: "type")
            fields.append((RawJSON.text(name), oddValue(4)))
        }
        return RawJSON.object(fields)
    }

    // MARK: - Job

    private static let fields = [
        "id", "mediaId", "userId", "mediaType", "s3Key", "source", "destination", "originalFilename", "mimeType",
        "fileSize",
        "createdAt", "stage", "previousStage", "localMediaPath", "metadata", "outputs", "tempFiles", "priority",
        "attempt",
        "hop", "transfer", "downloads", "redrives", "history", "node", "error", "outcome", "requestThumbnails",
        "requestProgressUpdates", "progressInterval", "type", "job_id", "profile", "sha256",
    ]

    private mutating func job() -> [UInt8] {
        var fields: [(name: [UInt8], value: [UInt8])] = [
            (RawJSON.text("id"), RawJSON.text("fuzz-".utf8 + unique)),
            (RawJSON.text("mediaId"), RawJSON.text("m")), (RawJSON.text("mediaType"), RawJSON.text("IMAGE")),
        ]
        let source = "file://\(tree.tree.directory)/sources/photo.jpg"
        fields.append(
            happens(5) ? (RawJSON.text("source"), RawJSON.text(source)) : (RawJSON.text("s3Key"), RawJSON.text("none"))
        )
        for _ in 0..<number(0...5) {
            let name = pick(Self.fields, or: "hop")
            let value = happens(60) ? plausible(name) : oddValue(6)
            switch number(0...9) {
            // A field of no meaning, another spelling of one, one that is there twice, one that is missing.
            case 0: fields.append((RawJSON.text(oddText()), value))
            case 1: fields.append((RawJSON.text(name.utf8.map { $0 ^ 0x20 }), value))
            case 2: fields.append(fields[number(0...fields.count - 1)])
            case 3 where happens(30): fields.remove(at: number(0...fields.count - 1))
            default:
                fields.removeAll { $0.name == RawJSON.text(name) && name != "id" }
                if name != "id" || happens(20) { fields.append((RawJSON.text(name), value)) }
            }
        }
        if happens(5) {
            let padding = [UInt8](repeating: UInt8(ascii: "x"), count: size(2 << 20))
            fields.append((RawJSON.text("pad"), RawJSON.text(padding)))
        }
        // An id that is another's is another's message.
        if fields.allSatisfy({ $0.name != RawJSON.text("id") }) {
            fields.append((RawJSON.text("n"), RawJSON.text(unique)))
        }
        return RawJSON.object(fields.shuffled(using: &chance))
    }

    /// A value that a field can have, at its edges too.
    private mutating func plausible(_ field: String) -> [UInt8] {
        switch field {
        case "hop", "attempt", "downloads", "redrives":
            let most = 1_000_000_000
            return Array(pick(["0", "1", "5", "3.0", "1e3", "\(most)", "\(most - 1)"], or: "2").utf8)
        case "tempFiles": return RawJSON.array((0..<entries()).map { _ in entry() })
        case "outputs":
            return RawJSON.array(
                (0..<number(0...5)).map { _ in
                    RawJSON.object([
                        (RawJSON.text("type"), RawJSON.text("scaled")),
                        (RawJSON.text("s3Key"), RawJSON.text(oddText())),
                        (RawJSON.text("localPath"), RawJSON.text(oddText())), (RawJSON.text("width"), oddNumber()),
                    ])
                }
            )
        case "history":
            return RawJSON.array((0..<number(0...60)).map { _ in failure() })
        case "error": return failure()
        case "metadata":
            return RawJSON.object(
                (0..<number(0...20)).map { (RawJSON.text("k\($0)".utf8 + oddText()), oddValue(2)) }
            )
        case "stage", "previousStage":
            return RawJSON.text(
                pick(["DOWNLOADED", "PROCESSED", "CLEANUP", "COMPLETED", "FAILED", "downloaded"], or: "")
            )
        case "outcome": return RawJSON.text(pick(["completed", "failed", "cancelled"], or: ""))
        case "requestThumbnails", "requestProgressUpdates": return Array(pick(["true", "false"], or: "null").utf8)
        case "progressInterval", "fileSize", "priority": return oddNumber()
        case "mediaType": return RawJSON.text(pick(["IMAGE", "VIDEO", "image"], or: "IMAGE"))
        case "type": return RawJSON.text(pick(["watch", "image_processing_request"], or: "a_processing_request"))
        case "source":
            return RawJSON.text(pick(["file:///etc/passwd", "gopher://x", "file:", "s3://b/k", "//x", ""], or: "x"))
        default: return RawJSON.text(oddText())
        }
    }

    private mutating func entries() -> Int { number(0...(happens(5) ? 20_000 : 50)) }

    private mutating func entry() -> [UInt8] {
        RawJSON.object([
            (RawJSON.text("path"), RawJSON.text(oddText())), (RawJSON.text("size"), oddNumber()),
            (RawJSON.text("type"), RawJSON.text(pick(["input", "output", "intermediate"], or: "x"))),
            (RawJSON.text(oddText()), oddValue(1)),
        ])
    }

    private mutating func failure() -> [UInt8] {
        RawJSON.object([
            (RawJSON.text("stage"), RawJSON.text(pick(["download", "process", "x"], or: "upload"))),
            (RawJSON.text("code"), RawJSON.text(oddText())), (RawJSON.text("message"), RawJSON.text(oddText())),
            (RawJSON.text("at"), RawJSON.text(oddText())),
        ])
    }

    // MARK: - Values

    private static let numbers = [
        "0", "-0", "-1", "1", "1.5", "1e3", "1e19", "1e308", "1e400", "-1e400", "1e-400", "9223372036854775807",
        "9223372036854775808", "18446744073709551615", "-9223372036854775809", "0.1", "123456789012345678901234567890",
        "01",
        "NaN", "+1", ".5", "1.",
    ]

    private mutating func oddNumber() -> [UInt8] { Array(pick(Self.numbers, or: "7").utf8) }

    private mutating func oddText() -> [UInt8] {
        // A text of some hundred marks has to be sorted by whoever normalises it; of a hundred thousand, see `Attack`.
        let marks = size(20_000)
        switch number(0...9) {
        case 0: return []
        case 1: return Array("e\u{301}".utf8)
        case 2: return Array("e".utf8) + (0..<marks).flatMap { Array(($0 % 2 == 0 ? "\u{301}" : "\u{316}").utf8) }
        case 3:
            return Array(pick(["\\ud800", "\\u0000", "\\n\\t\\\\", "\\u202e", "\\x", "\\ud83d\\ude00"], or: "\\").utf8)
        case 4:
            return Array(pick(["../../etc/passwd", "/etc/passwd", "x/\u{301}y", "..", "a//b", ".lease"], or: "/").utf8)
        case 5: return [UInt8](repeating: UInt8(ascii: "x"), count: size(20_000))
        case 6: return bytes(size(300)).map { $0 == UInt8(ascii: "\"") ? 0x61 : $0 }
        case 7: return Array("\u{9B}\u{2028}\u{202E}".utf8)
        default: return Array("text\(number(0...99))".utf8)
        }
    }

    private mutating func oddValue(_ depth: Int) -> [UInt8] {
        switch number(0...9) {
        case 0: return Array(pick(["null", "true", "false", "nul", ""], or: "null").utf8)
        case 1, 2: return oddNumber()
        case 3, 4, 5: return RawJSON.text(oddText())
        case 6:
            let levels = number(1...200)
            let text = String(repeating: "[", count: levels) + "1" + String(repeating: "]", count: levels)
            return Array(text.utf8)
        case 7:
            return RawJSON.array([[UInt8]](repeating: oddNumber(), count: size(50_000)))
        case 8 where depth > 0: return RawJSON.array((0..<number(0...5)).map { _ in oddValue(depth - 1) })
        case 9 where depth > 0:
            return RawJSON.object((0..<number(0...5)).map { _ in (RawJSON.text(oddText()), oddValue(depth - 1)) })
        default: return Array("{}".utf8)
        }
    }

    // MARK: - Properties and headers

    private mutating func dress(_ message: inout AMQPMessage, for queue: String) {
        func property() -> AMQPText? { happens(25) ? AMQPText(bytes: bytes(happens(20) ? 255 : number(0...255))) : nil }
        message.contentType = property() ?? message.contentType
        message.messageID = property()
        message.correlationID = property()
        message.type = property() ?? (happens(5) ? "watch" : nil)
        if happens(20) { message.priority = UInt8.random(in: 0...255, using: &chance) }
        message.isPersistent = happens(80)
        guard happens(50) else { return }
        for _ in 0..<number(0...6) {
            message.headers[AMQPText(bytes: bytes(number(0...255)))] = headerValue(10)
        }
        // A copy that had them would come here again.
        if happens(30) { message.headers["CC"] = .array([.string(queue)]) }
        if happens(30) { message.headers["BCC"] = .array([.string(queue), .string(queue)]) }
        // RabbitMQ adds to `x-death` when a message leaves a delay queue; a header that it cannot read is not sent
        // there, because the queue's process inside the broker does not survive it, and nobody can use that queue then.
        let isDelayed = queue.contains(".retry.")
        for name: AMQPText in ["x-reason-code", "x-job-id", "x-given-up-by", "x-delivery-count", "x-delay", "x-death"]
        where happens(15) && (name != "x-death" || !isDelayed) {
            message.headers[name] = headerValue(3)
        }
        if happens(10) { message.headers["x-delivery-count"] = .int(Int64(number(0...100))) }
        if happens(10) {
            let death: AMQPValue = .table([
                "reason": "delivery_limit", "queue": .string(tree.queue(.process)), "count": 1, "exchange": "",
            ])
            message.headers["x-death"] = .array([death])
        }
        if happens(5) { message.headers["long"] = .string(AMQPText(bytes: bytes(number(30_000...40_000)))) }
    }

    private mutating func headerValue(_ depth: Int) -> AMQPValue {
        switch number(0...9) {
        case 0: .bool(happens(50))
        case 1: .int(Int64.random(in: .min ... .max, using: &chance))
        case 2: .double(Double(number(0...1000)) / 7)
        case 3, 4: .string(AMQPText(bytes: bytes(size(2000))))
        case 5: .bytes(bytes(size(2000)))
        case 6: .timestamp(secondsSince1970: UInt64(number(0...4_000_000_000)))
        case 7 where depth > 0: .array((0..<number(0...3)).map { _ in headerValue(depth - 1) })
        case 8 where depth > 0:
            .table(
                Dictionary(
                    (0..<number(0...3)).map { _ in (AMQPText(bytes: bytes(number(0...20))), headerValue(depth - 1)) }
                ) { $1 }
            )
        default: .null
        }
    }
}
