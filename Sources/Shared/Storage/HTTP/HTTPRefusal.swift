internal import FoundationEssentials
package import HTTPClient
internal import JobModel

/// An answer that is no source.
package struct HTTPRefusal: Sendable {
    package let response: WebResponse
    /// How the body begins, in at most ``maximumBytes``.
    package let body: [UInt8]

    package static let maximumBytes = 4096

    /// The `<Code>` of an S3 error document in the body; nil when there is none.
    package var errorCode: String? {
        guard let start = body.firstRange(of: Array("<Code>".utf8))?.upperBound,
            let end = body[start...].firstRange(of: Array("</Code>".utf8))?.lowerBound, (1...64).contains(end - start),
            body[start..<end].allSatisfy({ (48...57).contains($0) || (97...122).contains($0 | 0x20) })
        else { return nil }
        return String(decoding: body[start..<end], as: UTF8.self)
    }

    /// For how long the host asks to be left alone (RFC 9110, 10.2.3), within a second and an hour; nil when it does
    /// not say.
    package var retryAfter: Duration? {
        guard let value = response.headers["Retry-After"] else { return nil }
        let seconds: Double
        if let number = HTTPText.number(value) {
            seconds = Double(number)
        } else if let date = CivilTime.ofHTTP(value) {
            // By the host's own clock, if it tells it.
            let now = response.headers["Date"].flatMap(CivilTime.ofHTTP) ?? Date()
            seconds = date.timeIntervalSince(now)
        } else {
            return nil
        }
        return .milliseconds(Int64(min(max(seconds, 1), 3600) * 1000))
    }

    /// The meaning of the refusal for a source.
    ///
    /// - Parameters:
    ///   - subject: the source, for messages.
    ///   - expiry: the end of the time for which the URL was signed.
    func error(_ subject: String, expiry: Date?) -> StorageError {
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
                message: "the host of \(subject) has no time for it (\(answer))",
                verdict: .transient,
                retryAfter: retryAfter,
                isHostAway: status == 429 || status == 503
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

    static func expired(_ subject: String, _ expiry: Date?) -> StorageError {
        let end = expiry.map { " at " + Timestamp.string($0) } ?? ""
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

    private func tellsOfExpiry(_ expiry: Date?) -> Bool {
        if let expiry, (response.headers["Date"].flatMap(CivilTime.ofHTTP) ?? Date()) > expiry { return true }
        if let code = errorCode, ["ExpiredToken", "ExpiredRequest", "TokenRefreshRequired"].contains(code) {
            return true
        }
        // S3 and its likes; Azure's words.
        return ["Request has expired", "Signature not valid in the specified time frame"]
            .contains { body.firstRange(of: Array($0.utf8)) != nil }
    }
}
