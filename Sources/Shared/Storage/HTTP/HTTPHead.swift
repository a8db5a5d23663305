internal import HTTPClient
internal import JobModel

/// The facts that a response tells of a source: its size, its version, the part that follows. Pure.
struct HTTPHead {
    /// Bytes of the body; nil when the response does not say.
    var bodyBytes: Int64?
    /// The size of the whole source; nil when the response does not say.
    var sizeBytes: Int64?
    /// Where the body begins in the source.
    var start: Int64 = 0
    var validator: HTTPValidator?
    var hasRanges = false
    var checksums: [SourceChecksum] = []

    var facts: SourceFacts {
        SourceFacts(
            sizeBytes: sizeBytes,
            validator: validator?.source,
            hasRanges: hasRanges && validator != nil,
            checksums: checksums
        )
    }

    /// Reads the head of a response with status 200 or 206.
    ///
    /// - Parameters:
    ///   - subject: the source, for messages.
    ///   - storesEncodings: see ``HTTPDialect/storesEncodings``.
    /// - Throws: ``StorageError`` for what can be no source.
    init(_ response: WebResponse, _ subject: String, storesEncodings: Bool = false) throws(StorageError) {
        let headers = response.headers
        for encoding in headers.values("Content-Encoding") where !HTTPText.isSame(encoding, "identity") {
            if storesEncodings { break }
            let name = String(decoding: encoding.prefix(40), as: UTF8.self).shown
            throw Self.bad(
                "\(subject) comes packed (Content-Encoding: \(name)), which was not asked for; have it served as it is"
            )
        }
        // A length beside a transfer coding says nothing (RFC 9112, 6.3).
        let isChunked = headers["Transfer-Encoding"] != nil
        bodyBytes = isChunked ? nil : try Self.length(headers, subject)
        validator = HTTPValidator(headers)
        if response.status == 206 {
            guard let range = headers["Content-Range"].flatMap({ HTTPContentRange($0) }), let part = range.part else {
                throw Self.bad("\(subject) comes as a part (206) that does not say which; see its host")
            }
            let partBytes = part.last - part.first + 1
            guard bodyBytes ?? partBytes == partBytes else {
                throw Self.bad("\(subject) comes as a part whose Content-Range and Content-Length differ; see its host")
            }
            (bodyBytes, start, sizeBytes, hasRanges) = (partBytes, part.first, range.total, true)
        } else {
            sizeBytes = bodyBytes
            hasRanges = headers["Accept-Ranges"].map { HTTPText.isSame($0, "bytes") } ?? false
        }
        checksums = HTTPChecksums.read(headers, isPart: response.status == 206)
    }

    /// - Throws: for lengths that differ, and for one that no file has.
    private static func length(_ headers: WebHeaders, _ subject: String) throws(StorageError) -> Int64? {
        var found: [UInt8]?
        for value in headers.values("Content-Length") {
            for word in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
                let digits = HTTPText.trimmed(word)
                guard !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) else {
                    throw bad("\(subject) has a Content-Length that is no number; see its host")
                }
                let plain = Array(digits.drop { $0 == 48 })
                guard found == nil || found == plain else {
                    throw bad("\(subject) comes with two lengths that differ (Content-Length); see its host")
                }
                found = plain
            }
        }
        guard let found else { return nil }
        if found.isEmpty { return 0 }
        guard found.count <= 18, let length = Int64(String(decoding: found, as: UTF8.self)) else {
            let shown = String(decoding: found.prefix(40), as: UTF8.self)
            throw StorageError(
                code: .tooLarge,
                message: "\(subject) claims to have \(shown) bytes (Content-Length); see its host and SOURCE_MAX_BYTES"
            )
        }
        return length
    }

    private static func bad(_ message: String) -> StorageError { StorageError(code: .badResponse, message: message) }
}

/// The value of `Content-Range` (RFC 9110, 14.4). Pure.
struct HTTPContentRange: Hashable {
    /// Places of the first and the last byte; nil for a range that could not be satisfied.
    var part: Part?
    /// nil when the server does not know.
    var total: Int64?

    struct Part: Hashable {
        var first: Int64
        var last: Int64
    }

    init?(_ value: [UInt8]) {
        let words = value.split(separator: UInt8(ascii: " "))
        guard words.count == 2, HTTPText.isSame(Array(words[0]), "bytes") else { return nil }
        let sides = words[1].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard sides.count == 2 else { return nil }
        if !sides[1].elementsEqual("*".utf8) {
            guard let total = HTTPText.number(sides[1]) else { return nil }
            self.total = total
        }
        if sides[0].elementsEqual("*".utf8) { return }
        let ends = sides[0].split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard ends.count == 2, let first = HTTPText.number(ends[0]), let last = HTTPText.number(ends[1]),
            first <= last, last < total ?? .max
        else { return nil }
        part = Part(first: first, last: last)
    }
}

/// Tells whether a source is the same, and can be sent in `If-Range`: a strong ETag, or else a time of change that is
/// as good as one (RFC 9110, 8.8.2.2). Pure.
struct HTTPValidator: Hashable {
    /// The value of `If-Range`.
    let value: [UInt8]

    init?(_ headers: WebHeaders) {
        if let tag = headers["ETag"] {
            let quote = UInt8(ascii: "\"")
            // A weak one begins with `W/`: the bytes may differ.
            guard (3...Self.maximumBytes).contains(tag.count), tag.first == quote, tag.last == quote,
                tag.dropFirst().dropLast().allSatisfy({ $0 > 0x20 && $0 != quote && $0 != 0x7F })
            else { return nil }
            value = tag
            return
        }
        // A source that was changed in the second of the answer may be changed again in that second.
        guard let changed = headers["Last-Modified"], let now = headers["Date"], changed.count <= Self.maximumBytes,
            let date = UTCTime(httpDate: changed), let answered = UTCTime(httpDate: now), answered > date
        else { return nil }
        value = changed
    }

    /// - Parameter source: of an earlier answer.
    init(_ source: SourceValidator) { value = source.bytes }

    var source: SourceValidator { SourceValidator(bytes: value) }

    /// The header that asks for a range of this version.
    ///
    /// - Parameter usesIfMatch: see ``HTTPDialect/usesIfMatch``; a time cannot stand there.
    func condition(usesIfMatch: Bool) -> WebHeaders.Field {
        let isTag = value.first == UInt8(ascii: "\"")
        return WebHeaders.Field(name: Array((usesIfMatch && isTag ? "If-Match" : "If-Range").utf8), value: value)
    }

    private static let maximumBytes = 1024
}

/// Small readings of header values, by bytes.
enum HTTPText {
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var rest = bytes.drop { $0 == 0x20 || $0 == 0x09 }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return Array(rest)
    }

    /// Without case, as tokens of HTTP are compared.
    static func isSame(_ value: [UInt8], _ token: String) -> Bool {
        value.map(HTTPURL.lowercased).elementsEqual(token.utf8)
    }

    /// nil for what is no number, or none that a file's size could be.
    static func number(_ digits: some Collection<UInt8>) -> Int64? {
        guard (1...18).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}
