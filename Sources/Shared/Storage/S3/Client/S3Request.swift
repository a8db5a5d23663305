internal import HTTPClient
internal import JobModel

/// One request to a store, before it is signed.
struct S3Request: Sendable {
    var method: WebRequest.Method
    var bucket: String
    /// nil for a request about the bucket.
    var key: ObjectKey?
    var query: S3Query
    var headers: WebHeaders
    var body: WebRequest.Body?
    /// The SHA-256 of the body in hexadecimal; see ``SignatureV4/Request/payloadHash``.
    var payloadHash: String
    var timeouts: WebTimeouts
    /// For a response that is collected or streamed.
    var maximumBodyBytes: Int64 = 8 << 20
    /// Told of the bytes of the body that have been given to the network, counted from its start; ends the exchange
    /// when it throws.
    var didSend: (@Sendable (Int64) throws -> Void)?
    /// Whether it may be sent again when nobody knows what has become of it.
    var isRepeatable = true
    /// Whether it is sent again at once when the store was in trouble.
    var isRepeated = true
    /// The verb for messages: `put the object`.
    var purpose: String

    init(
        _ method: WebRequest.Method,
        _ purpose: String,
        bucket: String,
        key: ObjectKey? = nil,
        query: S3Query = [:],
        headers: WebHeaders = [:],
        body: WebRequest.Body? = nil,
        payloadHash: String = SignatureV4.emptyPayload,
        timeouts: WebTimeouts = S3Request.shortTimeouts
    ) {
        self.method = method
        self.bucket = bucket
        self.key = key
        self.query = query
        self.headers = headers
        self.body = body
        self.payloadHash = payloadHash
        self.timeouts = timeouts
        self.purpose = purpose
    }

    /// For requests that a store answers at once.
    static let shortTimeouts = WebTimeouts(connect: .seconds(10), idle: .seconds(30), total: .seconds(60))
    /// For bodies of any size: only silence ends them.
    static let transferTimeouts = WebTimeouts(connect: .seconds(10), idle: .seconds(30))
    /// For a store that puts the parts of an object together before it answers.
    static let patientTimeouts = WebTimeouts(connect: .seconds(10), idle: .seconds(120), total: .seconds(900))
}

/// The response to a request that the store has fulfilled.
struct S3Response: Sendable {
    var status: Int
    var headers: WebHeaders
    /// As the header says, also when there is no body.
    var contentLength: Int64?
    var body: [UInt8]

    func text(_ header: String) -> String? { headers[header].flatMap { String(validating: $0, as: UTF8.self) } }
}
