package import HTTPClient
internal import JobModel

/// An answer that is no source.
package struct HTTPRefusal: Sendable {
    package let response: WebResponse
    /// How the body begins, in at most ``maximumBytes``.
    package let body: [UInt8]
    /// Who gave it; nil where nobody has noted that.
    package var host: RemoteHost?

    package static let maximumBytes = 4096

    /// The `<Code>` of an S3 error document in the body; nil when there is none.
    package var errorCode: String? {
        guard let start = body.firstRange(of: Array("<Code>".utf8))?.upperBound,
            let end = body[start...].firstRange(of: Array("</Code>".utf8))?.lowerBound, (1...64).contains(end - start),
            body[start..<end].allSatisfy({ (48...57).contains($0) || (97...122).contains($0 | 0x20) })
        else { return nil }
        return String(decoding: body[start..<end], as: UTF8.self)
    }

    /// For how long the host asks to be left alone, within a second and an hour; nil when it does not say.
    package var retryAfter: Duration? { RetryAfter.duration(response.headers).map { max($0, .seconds(1)) } }

    /// What a 408, 425, 429 or 5xx says of its host, for people.
    static func trouble(_ status: Int) -> String {
        [408, 425, 429, 503].contains(status) ? "has no time for it" : "is in trouble, and its own log may say why"
    }

    /// Whether the host speaks for all that it has: it has no time, or is a gateway that does not reach the server
    /// behind it.
    static func isOfHost(status: Int) -> Bool { [429, 502, 503, 504].contains(status) }

    /// The meaning of the refusal for a source.
    ///
    /// - Parameters:
    ///   - subject: the source, for messages.
    ///   - expiry: the end of the time for which the URL was signed.
    func error(_ subject: String, expiry: UTCTime?) -> StorageError {
        let status = response.status
        let code = errorCode.map { " \($0)" } ?? ""
        let answer = "\(status)\(code)"
        switch status {
        case 404, 410:
            return StorageError(
                code: .notFound,
                message: "\(subject) is not there (\(answer))",
                verdict: .sourceGone
            )
        case 400, 401, 403:
            if tellsOfExpiry(expiry) { return Self.expired(subject, expiry) }
            return StorageError(
                code: .refused,
                message: "\(subject) is not given to us (\(answer)); give a URL that needs no log-in, or a signed one"
            )
        case 408, 425, 429, 500...599:
            return StorageError(
                code: .unavailable,
                message: "the host of \(subject) " + HTTPRefusal.trouble(status) + " (\(answer))",
                verdict: .transient,
                retryAfter: retryAfter,
                away: Self.isOfHost(status: status) ? HostAway(.overload, host: host) : nil
            )
        case 300...399:
            return StorageError(
                code: .badResponse,
                message: "\(subject) is elsewhere (\(answer)), and its host does not say where\(region); give the URL "
                    + "that leads there"
            )
        case 200...299:
            return StorageError(
                code: .badResponse,
                message: "\(subject) comes with status \(answer), which has no content; see its host"
            )
        default:
            return StorageError(code: .refused, message: "\(subject) is refused by its host (\(answer))")
        }
    }

    static func expired(_ subject: String, _ expiry: UTCTime?) -> StorageError {
        let end = expiry.map { " at " + $0.text } ?? ""
        return StorageError(
            code: .expired,
            message: "the signed URL of \(subject) expired\(end), before the job was worked on; sign one for longer "
                + "and send the job again"
        )
    }

    private var region: String {
        guard let region = response.headers["x-amz-bucket-region"], region.count <= 40 else { return "" }
        return " but in the region \(String(decoding: region, as: UTF8.self).shown) (x-amz-bucket-region)"
    }

    /// Whether the answer says that the time is over for which the URL was signed.
    func tellsOfExpiry(_ expiry: UTCTime?) -> Bool {
        let now = response.headers["Date"].flatMap { UTCTime(httpDate: $0) } ?? .now
        if let expiry, now > expiry { return true }
        if let code = errorCode, ["ExpiredToken", "ExpiredRequest", "TokenRefreshRequired"].contains(code) {
            return true
        }
        // S3 and its likes; Azure's words.
        return ["Request has expired", "Signature not valid in the specified time frame"]
            .contains { body.firstRange(of: Array($0.utf8)) != nil }
    }
}
