internal import JobModel
internal import Text

/// A place in a store that `STORAGE_URL` names: `s3://BUCKET/PREFIX?endpoint=URL&region=NAME&style=path|virtual`. Pure.
///
/// The prefix ends at the `?`. It is never decoded: a `%` in it is a `%` of the keys.
struct S3Location: Sendable, Hashable {
    static let scheme = "s3"
    private static let parameters = ["endpoint", "region", "style"]
    /// Amazon's, and the one that stores without regions take.
    static let defaultRegion = "us-east-1"

    var bucket: String
    /// Before every key; empty, or with a slash at its end.
    var prefix: String
    var endpoint: S3Endpoint

    /// - Parameter environment: that has a region for URLs without one.
    /// - Throws: ``StorageError`` with code `invalid_url`, which repeats no secret.
    init(_ url: String, _ environment: S3Environment) throws(StorageError) {
        let bytes = Array(url.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?"))
        let place = try S3Place(bytes[..<(mark ?? bytes.endIndex)], of: url)
        bucket = place.bucket
        let path = place.rest.reversed().drop { $0 == UInt8(ascii: "/") }.reversed()
        guard let text = String(validating: Array(path), as: UTF8.self) else {
            throw Self.refusal(url, "its prefix is not UTF-8")
        }
        prefix = text.utf8.isEmpty ? "" : text + "/"
        guard !Self.hasDotSegment(path) else { throw Self.refusal(url, "its prefix has a part `.` or `..`") }
        let values = try Self.values(mark.map { bytes[($0 + 1)...] } ?? [], of: url)
        endpoint = try Self.endpoint(values, bucket: bucket, environment, of: url)
    }

    /// The key of an object in the bucket.
    ///
    /// - Throws: ``StorageError`` with code `invalid_key` when it is too long with the prefix, or cannot be sent.
    func fullKey(_ key: ObjectKey) throws(StorageError) -> ObjectKey {
        try Self.checkSegments(of: key)
        do throws(ObjectKeyError) { return try ObjectKey(prefix + key.rawValue) } catch {
            throw StorageError(
                code: .invalidKey,
                message: "the store \(description) cannot hold the key `\(key)`: with its prefix \(error.reason)"
            )
        }
    }

    /// Refuses keys that servers and proxies on the way take for another place, maybe in another bucket (RFC 3986,
    /// 6.2.2.3). Those with `%2e` are other keys, and safe: they are encoded.
    ///
    /// - Throws: ``StorageError`` with code `invalid_key`.
    static func checkSegments(of key: ObjectKey) throws(StorageError) {
        guard hasDotSegment(key.rawValue.utf8) else { return }
        throw StorageError(
            code: .invalidKey,
            message: "the key `\(key)` has a part `.` or `..` between slashes, which stores of S3 and proxies before "
                + "them take for another place; choose another key, or copy the object to one"
        )
    }

    private static func hasDotSegment(_ path: some Collection<UInt8>) -> Bool {
        path.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
    }

    /// The place of an object, as a URL that is not encoded: as the tools of S3 write it.
    static func url(bucket: String, _ key: ObjectKey) -> String { "s3://\(bucket)/\(key.rawValue)" }

    /// For people, without secrets.
    var description: String { "s3://\(bucket)/\(prefix.clipped(toBytes: 300).shown)" + endpointWords }

    private var endpointWords: String { endpoint.isAmazon ? "" : " at \(endpoint.description)" }

    /// The beginning, below this place, of the keys of another one.
    ///
    /// - Parameter text: the other one's ``description``.
    /// - Returns: nil for a place that does not lie here, and for one whose description leaves that open.
    func start(ofPlaceDescribed text: [UInt8]) -> [UInt8]? {
        if text.elementsEqual(description.utf8) { return [] }
        let (head, tail) = (Array("s3://\(bucket)/\(prefix)".utf8), Array(endpointWords.utf8))
        guard text.count > head.count + tail.count, text.starts(with: head), text.suffix(tail.count).elementsEqual(tail)
        else { return nil }
        let start = text.dropFirst(head.count).dropLast(tail.count)
        // A prefix ends so, and neither an endpoint does nor a description that was cut.
        return start.last == UInt8(ascii: "/") ? Array(start) : nil
    }

    private static func values(
        _ query: ArraySlice<UInt8>,
        of url: String
    ) throws(StorageError) -> [String: String] {
        var values: [String: String] = [:]
        for part in query.split(separator: UInt8(ascii: "&")) {
            let name = part.prefix { $0 != UInt8(ascii: "=") }
            guard let known = parameters.first(where: { name.elementsEqual($0.utf8) }) else {
                let shown = String(decoding: name, as: UTF8.self).clipped(toBytes: 50).shown
                let list = parameters.joined(separator: ", ")
                throw refusal(
                    url,
                    "it has the parameter `\(shown)`; there are \(list). Keys and passwords belong into "
                        + "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                )
            }
            guard let value = PercentCoding.decode(part.dropFirst(name.count + 1)), !value.isEmpty else {
                throw refusal(url, "its parameter `\(known)` has no value, or one that is encoded wrongly")
            }
            values[known] = value
        }
        return values
    }

    private static func endpoint(
        _ values: [String: String],
        bucket: String,
        _ environment: S3Environment,
        of url: String
    ) throws(StorageError) -> S3Endpoint {
        let region = values["region"] ?? environment.region ?? defaultRegion
        guard isRegion(region) else { throw refusal(url, "its region has a character that none has") }
        var style: S3Endpoint.Style?
        if let text = values["style"] {
            style = S3Endpoint.Style(rawValue: text)
            guard style != nil else { throw refusal(url, "its style is neither `path` nor `virtual`") }
        }
        guard let text = values["endpoint"] else {
            return .amazon(region: region, style: style ?? (isHostLabel(bucket) ? .virtual : .path))
        }
        guard let endpoint = S3Endpoint(url: text, region: region, style: style ?? .path) else {
            throw refusal(
                url,
                "its endpoint is no http: or https: URL without user, query and fragment, such as "
                    + "http://127.0.0.1:9000"
            )
        }
        guard style != .virtual || !endpoint.isAddress else {
            throw refusal(
                url,
                "its style is `virtual`, which puts the bucket before the endpoint's name, and the endpoint is an "
                    + "address; leave style out, or give the endpoint a name"
            )
        }
        return endpoint
    }

    /// Whether a bucket may stand before the host: a name with a dot is none that Amazon's certificate covers.
    private static func isHostLabel(_ bucket: String) -> Bool {
        (3...63).contains(bucket.utf8.count)
            && bucket.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
    }

    private static func isRegion(_ region: String) -> Bool {
        (1...64).contains(region.utf8.count)
            && region.utf8.allSatisfy { (97...122).contains($0 | 0x20) || (48...57).contains($0) || $0 == 45 }
    }

    static func refusal(_ url: String, _ reason: String) -> StorageError {
        StorageError(code: .invalidURL, message: "`\(SourceURL.redacted(url))` names no S3 store: \(reason)")
    }
}

/// Bucket and rest of an `s3:` URL. Pure.
struct S3Place: Sendable, Hashable {
    var bucket: String
    /// After the slash behind the bucket; not decoded.
    var rest: [UInt8]

    /// - Throws: ``StorageError`` with code `invalid_url`.
    init(_ bytes: some Collection<UInt8>, of url: String) throws(StorageError) {
        guard SourceURL.scheme(url) == S3Location.scheme, bytes.dropFirst(2).starts(with: "://".utf8) else {
            throw S3Location.refusal(url, "it does not begin with s3://")
        }
        let authority = bytes.dropFirst(5).prefix { $0 != UInt8(ascii: "/") }
        if authority.contains(UInt8(ascii: "@")) {
            throw S3Location.refusal(
                url,
                "it has a user or a password, which would be shown in too many places; set AWS_ACCESS_KEY_ID and "
                    + "AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            )
        }
        let name = String(decoding: authority, as: UTF8.self)
        guard (1...255).contains(authority.count),
            authority.allSatisfy({
                (97...122).contains($0 | 0x20) || (48...57).contains($0) || "-._".utf8.contains($0)
            })
        else {
            throw S3Location.refusal(url, "its bucket is missing, or has a character that the name of none has")
        }
        bucket = name
        rest = Array(bytes.dropFirst(5 + authority.count + 1))
    }
}
