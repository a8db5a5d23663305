internal import Digests
internal import HTTPClient
internal import Text

/// AWS Signature Version 4 in the `Authorization` header. Pure.
///
/// See "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk" in the Amazon S3
/// API reference. Path and query are signed as they are sent: whoever makes the request encodes them once, and both the
/// signature and the URL are made of that text.
struct SignatureV4: Sendable {
    var region: String
    var service = "s3"

    /// A request as far as its signature goes.
    struct Request {
        var method: String
        /// Encoded, from the first slash on.
        var path: String
        var query: S3Query
        /// With `Host`, and all that is to be signed.
        var headers: WebHeaders
        /// The SHA-256 of the body in hexadecimal, or ``unsignedPayload``.
        var payloadHash: String
    }

    /// In the place of a body's digest.
    static let unsignedPayload = "UNSIGNED-PAYLOAD"
    /// The digest of no body.
    static let emptyPayload = Hexadecimal.text(SHA256.digest(of: []))

    /// The value of `Authorization`. The request has `x-amz-date` with this time already.
    func authorization(_ request: Request, _ credentials: S3Credentials, at time: UTCTime) -> String {
        let scope = scope(time)
        let text = stringToSign(request, at: time)
        let signature = Hexadecimal.text(HMACSHA256.code(of: Array(text.utf8), key: key(credentials, time)))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), "
            + "SignedHeaders=\(Self.signedHeaders(request.headers).names), Signature=\(signature)"
    }

    func stringToSign(_ request: Request, at time: UTCTime) -> String {
        let digest = Hexadecimal.text(SHA256.digest(of: Self.canonicalRequest(request)))
        return "AWS4-HMAC-SHA256\n\(time.basicText)\n\(scope(time))\n\(digest)"
    }

    static func canonicalRequest(_ request: Request) -> [UInt8] {
        let headers = signedHeaders(request.headers)
        return Array("\(request.method)\n\(request.path)\n\(request.query.text)\n".utf8) + headers.lines
            + Array("\n\(headers.names)\n\(request.payloadHash)".utf8)
    }

    private func scope(_ time: UTCTime) -> String { "\(day(time))/\(region)/\(service)/aws4_request" }

    private func day(_ time: UTCTime) -> String { String(time.basicText.prefix(8)) }

    private func key(_ credentials: S3Credentials, _ time: UTCTime) -> [UInt8] {
        [day(time), region, service, "aws4_request"].reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) {
            HMACSHA256.code(of: Array($1.utf8), key: $0)
        }
    }

    /// Names in small letters and in order; values without white space at the ends, and with one space in place of
    /// several. Fields of one name are joined by commas.
    private static func signedHeaders(_ headers: WebHeaders) -> (lines: [UInt8], names: String) {
        var values: [String: [UInt8]] = [:]
        for field in headers.fields {
            let name = String(decoding: field.name.map { (65...90).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
            let value = collapsed(field.value)
            values[name] = values[name].map { $0 + [UInt8(ascii: ",")] + value } ?? value
        }
        // Names are tokens of ASCII, whose order as text is that of their bytes.
        let names = values.keys.sorted()
        let lines = names.flatMap { name in Array("\(name):".utf8) + (values[name] ?? []) + [UInt8(ascii: "\n")] }
        return (lines, names.joined(separator: ";"))
    }

    private static func collapsed(_ value: [UInt8]) -> [UInt8] {
        Array(value.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).joined(separator: [0x20]))
    }
}

/// The parameters of a request's query. Pure.
struct S3Query: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// As they are, not encoded.
    private(set) var parameters: [(name: String, value: String)] = []

    init() {}

    init(dictionaryLiteral parameters: (String, String)...) {
        self.parameters = parameters.map { (name: $0.0, value: $0.1) }
    }

    subscript(name: String) -> String? {
        get { parameters.first { $0.name == name }?.value }
        set {
            parameters.removeAll { $0.name == name }
            if let newValue { parameters.append((name, newValue)) }
        }
    }

    /// Encoded, in the order in which it is signed, as it is sent. Empty for no parameters.
    var text: String {
        parameters.map { (PercentCoding.encode($0.name), PercentCoding.encode($0.value)) }
            .sorted { $0.0 != $1.0 ? $0.0 < $1.0 : $0.1 < $1.1 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    static func == (left: S3Query, right: S3Query) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
