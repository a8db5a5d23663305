internal import AMQP
internal import JobModel
internal import Logs

/// A message in the dead-letter queue of a kind, with why it is there.
struct DeadLetter: Sendable, Codable, Equatable {
    var kind: MediaKind
    /// nil when the message is so unreadable that it names no job.
    var id: ByteText?
    var mediaId: String?
    /// The stage that gave up, or ``eventStage``.
    var stage: String?
    var reasonCode: String
    var reason: String
    /// ISO 8601.
    var failedAt: String?
    var bytes: UInt64
    /// Earlier runs of the message.
    var redrives: Int64
    /// Failures that were tried again before, the oldest first.
    var history: [JSONValue]
    /// Whether it is a job, which can be sent back. One whose id another job had can not; it needs a new id.
    var isRedrivable: Bool
    /// How the body of what is no job begins, on one line, without what is secret in URLs and headers; absent for jobs,
    /// and for a body that is not kept for its length.
    var beginning: String?

    /// The ``stage`` of a message of the queue of bucket events, which no stage has seen.
    static let eventStage = "events"

    init(_ delivery: AMQPDelivery, _ kind: MediaKind) {
        func header(_ name: AMQPText) -> String? {
            guard case .string(let text) = delivery.headers[name], !text.bytes.isEmpty else { return nil }
            return text.description.clipped(toBytes: Self.maximumTextBytes)
        }
        let ticket = Self.ticket(delivery, kind)
        // Clean-up gives every letter its reason. A letter that its own quorum queue gave up has none.
        let givenUpBy = header("x-reason-code") == nil ? delivery.givenUpBy : nil
        let failure = givenUpBy == nil ? ticket?.failure : nil
        self.kind = kind
        id = ticket?.id ?? header("x-job-id").map { ByteText($0) }
        mediaId = ticket.map { "\($0.mediaID)".clipped(toBytes: Self.maximumTextBytes) }
        stage = failure?.stage.rawValue ?? header("x-stage") ?? givenUpBy.map { _ in Stage.cleanup.rawValue }
        reasonCode = failure?.code ?? header("x-reason-code") ?? (givenUpBy == nil ? "unknown" : "delivery_limit")
        reason =
            failure?.message ?? header("x-reason") ?? givenUpBy.map {
                "\($0.description.clipped(toBytes: 255)) delivered it more often than its x-delivery-limit allows; "
                    + "its temp files go with the next sweep after JOB_MAX_AGE_HOURS, or when it is sent back"
            } ?? "unknown"
        failedAt = failure?.occurredAt ?? header("x-failed-at")
        bytes = delivery.bodyBytes
        redrives = ticket?.redrives ?? 0
        history = ticket?.history.map(\.json.value) ?? []
        // Sent back, it would be a new run of the job that has its id.
        let hasUsedID = header("x-reason-code").map { ByteText($0) } == ByteText(MessageError.Code.usedID.rawValue)
        // A message that came as a bucket's event is no job, whatever it says.
        let isEvent = header("x-stage").map { ByteText($0) } == ByteText(Self.eventStage)
        isRedrivable = ticket?.canRunAgain == true && !hasUsedID && !isEvent
        beginning = ticket == nil && !delivery.isOversized ? Self.beginning(of: delivery.body) : nil
    }

    /// For people, who are to know whose message it is.
    static func beginning(of body: [UInt8]) -> String {
        let (backslash, slash) = (UInt8(ascii: "\\"), UInt8(ascii: "/"))
        let bytes = Array(body.prefix(maximumTextBytes))
        // Writers of JSON may escape the slash, and would hide a URL from the redaction.
        let plain = bytes.indices.filter { bytes[$0] != backslash || $0 + 1 == bytes.count || bytes[$0 + 1] != slash }
            .map { bytes[$0] }
        let shown = LogRedaction()(String(decoding: plain, as: UTF8.self)).shown
        guard body.count > maximumTextBytes, shown.utf8.count <= maximumBeginningBytes else {
            return shown.clipped(toBytes: maximumBeginningBytes)
        }
        return shown + "…"
    }

    private static let maximumBeginningBytes = 160

    /// The longest text that is kept of a field that senders make as long as they like.
    private static let maximumTextBytes = 4096

    /// nil when the message is no job of the kind.
    static func ticket(_ delivery: AMQPDelivery, _ kind: MediaKind) -> Ticket? {
        delivery.isOversized ? nil : try? Ticket(parsing: delivery.body, expecting: kind)
    }
}
