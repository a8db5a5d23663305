internal import Text

/// The end of the time for which a URL was signed. Pure.
enum SignedURL {
    /// nil for a URL that was not signed in a way that is known here: by AWS (versions 4 and 2), Google, CloudFront,
    /// Azure.
    static func expiry(ofQuery query: [UInt8]?) -> UTCTime? {
        guard let query else { return nil }
        // By their names in lower case; S3 compares them without case.
        var parameters: [[UInt8]: [UInt8]] = [:]
        for part in query.split(separator: UInt8(ascii: "&")).prefix(100) {
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            let value = PercentCoding.decodedBytes(part[name.endIndex...].dropFirst())
            parameters[name.map(HTTPURL.lowercased)] = value
        }
        func value(_ name: String) -> [UInt8]? { parameters[Array(name.utf8)] }
        for prefix in ["x-amz-", "x-goog-"] {
            if let date = value(prefix + "date").flatMap({ UTCTime(signatureDate: $0) }),
                let seconds = value(prefix + "expires").flatMap(wholeSeconds)
            {
                return date + seconds
            }
        }
        let isSigned = ["signature", "awsaccesskeyid", "googleaccessid", "key-pair-id"].contains { value($0) != nil }
        if isSigned, let seconds = value("expires").flatMap(wholeSeconds) {
            return UTCTime(secondsSince1970: seconds)
        }
        if value("sig") != nil, let date = value("se").flatMap({ UTCTime(azureDate: $0) }) { return date }
        return nil
    }

    private static func wholeSeconds(_ digits: [UInt8]) -> Int64? {
        guard (1...11).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}
