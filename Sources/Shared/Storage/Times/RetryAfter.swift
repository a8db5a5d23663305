internal import HTTPClient

/// `Retry-After` (RFC 9110, 10.2.3). Pure but for the clock of answers without a date.
enum RetryAfter {
    /// For how long the host asks to be left alone, at most an hour; nil when it does not say.
    static func duration(_ headers: WebHeaders) -> Duration? {
        guard let value = headers["Retry-After"] else { return nil }
        let seconds: Int64
        if let number = HTTPText.number(value) {
            seconds = number
        } else if let time = UTCTime(httpDate: value) {
            // By the host's own clock, if it tells it.
            let now = headers["Date"].flatMap { UTCTime(httpDate: $0) } ?? .now
            seconds = time.secondsSince1970 - now.secondsSince1970
        } else {
            return nil
        }
        return .seconds(min(max(seconds, 0), 3600))
    }
}
