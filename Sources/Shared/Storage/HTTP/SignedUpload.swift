internal import Digests
internal import Files
package import HTTPClient
internal import JobModel
package import Settings
internal import Synchronization
internal import Threads

/// An `https:` URL that somebody has signed for a PUT of one output (`uploadUrls` of a job).
///
/// The host is anybody's, so it is guarded as that of a source is: by ``HTTPAccess``, and at the socket. A redirect is
/// not followed: a signature is good for one place. No text of this type has the URL's query.
package struct SignedUpload: Sendable {
    private let url: String
    private let subject: String
    private let access: HTTPAccess
    private let times: HTTPTimes
    private let client: WebClient
    private let hosts: HostWatch

    /// - Parameter name: of the output, for messages.
    package init(_ url: String, name: String, _ settings: StorageSettings) {
        let client = WebClient(
            authoritiesFile: settings.webSources.authoritiesFile,
            limits: TransferLimits.of(settings)
        )
        self.init(url, name: name, settings.webSources, client: client)
    }

    package init(
        _ url: String,
        name: String,
        _ settings: WebSourceSettings,
        client: WebClient,
        hosts: HostWatch = .shared
    ) {
        self.url = url
        subject = "the upload URL of `\(name.clipped(toBytes: 300).shown)`, \(SourceURL.redacted(url)),"
        access = HTTPAccess(settings)
        times = HTTPTimes(settings)
        self.client = client
        self.hosts = hosts
    }

    /// Where the object is, as far as everybody may know: without the query.
    package var location: String { SourceURL.redacted(url, atMost: HTTPURL.maximumBytes) }

    /// Looks at the URL alone: at its form, its host, and the time for which it was signed.
    ///
    /// - Throws: ``StorageError`` with code `upload_url_not_allowed` or `upload_url_expired`.
    package func checkAllowed() throws(StorageError) { _ = try place() }

    /// Looks at the form of the URL, and at the time for which it was signed: another process knows which hosts are
    /// allowed.
    ///
    /// - Throws: as ``checkAllowed()``.
    package func checkForm() throws(StorageError) {
        let place: HTTPURL
        do throws(StorageError) { place = try HTTPURL(url) } catch { throw notAllowed(error) }
        try checkTime(place)
    }

    private func place() throws(StorageError) -> HTTPURL {
        let place: HTTPURL
        do throws(StorageError) {
            place = try HTTPURL(url)
            try access.check(place)
        } catch {
            throw notAllowed(error)
        }
        try checkTime(place)
        return place
    }

    private func checkTime(_ place: HTTPURL) throws(StorageError) {
        if let expiry = SignedURL.expiry(ofQuery: place.query), UTCTime.now > expiry + Self.clockDifference {
            throw expired(expiry)
        }
    }

    /// In seconds. So much may this host's clock be ahead before the server decides.
    private static let clockDifference: Int64 = 60

    private func notAllowed(_ error: StorageError) -> StorageError {
        // The words are those of sources, and begin with that.
        let starts = ["the source \(SourceURL.redacted(url)) ", "the source "]
        let start = starts.first { error.message.utf8.starts(with: $0.utf8) } ?? ""
        let words = String(decoding: error.message.utf8.dropFirst(start.utf8.count), as: UTF8.self)
        return StorageError(
            code: .uploadNotAllowed,
            message: "\(subject) \(words); correct the job's `uploadUrls`"
        )
    }

    /// Puts a file there. To put it again is harmless.
    ///
    /// - Parameter content: a file of ours, whole, to which nobody writes, or bytes.
    /// - Parameter didWrite: gets the bytes sent so far; what it throws ends the call.
    /// - Throws: ``StorageError``, `CancellationError`, or what `didWrite` threw.
    package func put(
        _ content: NewObject.Content,
        contentType: String?,
        didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> PublishedObject {
        let place = try place()
        let file: UploadFile
        do throws(FileSystemError) {
            file = try await OwnThread.run { () throws(FileSystemError) in try UploadFile(content) }
        } catch {
            throw StorageError(
                code: .ioFailure,
                message: "the file for \(subject) cannot be read: \(error.description.shown)",
                verdict: error.isRetriable ? .transient : .permanent,
                underlying: error
            )
        }
        defer { withExtendedLifetime(file) {} }
        try didWrite(0)
        let host = RemoteHost(place)
        try hosts.check(host, subject, code: .uploadUnavailable)
        do {
            let answer = try await send(file, to: place, contentType, didWrite)
            try await check(answer, file, place)
            hosts.note(host, nil)
        } catch let error as StorageError {
            hosts.note(host, error)
            throw error
        }
        return PublishedObject(sizeBytes: file.sizeBytes, location: location)
    }

    private func send(
        _ file: UploadFile,
        to place: HTTPURL,
        _ contentType: String?,
        _ didWrite: @escaping @Sendable (Int64) throws -> Void
    ) async throws -> HTTPRefusal {
        var request = WebRequest(
            .put,
            place.bytes,
            body: .file(descriptor: file.descriptor, offset: 0, count: file.sizeBytes)
        )
        let names = Self.names(place.query)
        // Version 2 of Amazon's way signs the type as well: whoever signs without saying one has signed for none.
        let signsNoType = !names.isDisjoint(with: ["awsaccesskeyid", "googleaccessid"])
        if let contentType, !signsNoType { request.headers.add("Content-Type", contentType) }
        // Azure takes no blob without it (Microsoft, "Put Blob").
        if names.isSuperset(of: ["sig", "sv"]) { request.headers.add("x-ms-blob-type", "BlockBlob") }
        request.headers.add("User-Agent", "media-processor/\(Version.text)")
        request.timeouts = WebTimeouts(connect: times.connect, idle: times.idle, total: total(file.sizeBytes))
        request.addressRefusal = access.addressRefusal
        request.didSend = didWrite
        let answer = Answer()
        do throws(WebError) {
            let response = try await client.send(request, into: answer)
            return HTTPRefusal(response: response, body: answer.body, host: RemoteHost(place))
        } catch {
            throw failure(error, place)
        }
    }

    /// The time for all of an exchange: a server that takes the bytes, or answers, more slowly than the least rate
    /// would hold a worker for hours. A limit of our own makes any rate fine.
    private func total(_ sizeBytes: Int64) -> Duration? {
        guard times.minimumBytesPerSecond > 0, client.limits.sending == nil else { return times.total }
        let slowest = .seconds(sizeBytes / times.minimumBytesPerSecond) + times.connect + times.head + times.idle
        return times.total.map { min($0, slowest) } ?? slowest
    }

    /// The names of a query's parameters, in lower case.
    private static func names(_ query: [UInt8]?) -> Set<ByteText> {
        Set(
            (query ?? []).split(separator: UInt8(ascii: "&")).prefix(100).compactMap { part in
                ByteText(utf8: part.prefix { $0 != UInt8(ascii: "=") }.map(HTTPURL.lowercased))
            }
        )
    }

    // MARK: - Answers

    private func check(_ answer: HTTPRefusal, _ file: UploadFile, _ place: HTTPURL) async throws {
        let status = answer.response.status
        guard (200...299).contains(status) else { throw refusal(answer, place) }
        // Some stores begin an answer before they know its end.
        if let code = answer.errorCode {
            throw StorageError(
                code: .uploadUnavailable,
                message: "\(subject) was answered with \(status) and the error \(code)",
                verdict: .transient
            )
        }
        guard let tag = Self.digest(answer.response.headers) else { return }
        guard let md5 = try await file.digests(offset: 0, count: file.sizeBytes, withMD5: true).md5, md5 != tag else {
            return
        }
        throw StorageError(
            code: .incomplete,
            message: "\(subject) was answered with the ETag of other bytes than were sent; somebody else may have put "
                + "another object at the same time",
            verdict: .transient
        )
    }

    /// The MD5 that an ETag is; nil where it is none: of other forms, and of objects that the store encrypts by a key.
    private static func digest(_ headers: WebHeaders) -> [UInt8]? {
        if headers["x-amz-server-side-encryption-customer-algorithm"] != nil { return nil }
        if let encryption = headers["x-amz-server-side-encryption"], !encryption.elementsEqual("AES256".utf8) {
            return nil
        }
        // Google's tag of an object with a key of the customer is none either.
        if headers["x-goog-encryption-kms-key-name"] != nil || headers["x-goog-encryption-algorithm"] != nil {
            return nil
        }
        guard let tag = headers["ETag"], tag.count == 34, tag.first == UInt8(ascii: "\""), tag.last == tag.first else {
            return nil
        }
        var bytes: [UInt8] = []
        let digits = tag.dropFirst().dropLast().compactMap { digit -> UInt8? in
            switch digit | 0x20 {
            case 97...102: (digit | 0x20) - 87
            case 48...57 where digit >= 48: digit - 48
            default: nil
            }
        }
        guard digits.count == 32 else { return nil }
        for index in stride(from: 0, to: digits.count, by: 2) { bytes.append(digits[index] << 4 | digits[index + 1]) }
        return bytes
    }

    private func refusal(_ answer: HTTPRefusal, _ place: HTTPURL) -> StorageError {
        let status = answer.response.status
        let words = "\(status)" + (answer.errorCode.map { " \($0)" } ?? "")
        switch status {
        case 408, 425, 429, 500...599:
            return StorageError(
                code: .uploadUnavailable,
                message: "the host of \(subject) " + HTTPRefusal.trouble(status) + " (\(words))",
                verdict: .transient,
                retryAfter: answer.retryAfter,
                away: HTTPRefusal.isOfHost(status: status) ? HostAway(.overload, host: answer.host) : nil
            )
        case 300...399:
            return StorageError(
                code: .uploadRefused,
                message: "\(subject) leads elsewhere (\(words)), and a signature is good for one place; sign the URL "
                    + "of that one"
            )
        default:
            let expiry = SignedURL.expiry(ofQuery: place.query)
            if [400, 401, 403].contains(status), answer.tellsOfExpiry(expiry) { return expired(expiry) }
            return StorageError(
                code: .uploadRefused,
                message: "\(subject) is refused by its host (\(words)); sign it for PUT, and for the output's content "
                    + "type if any"
            )
        }
    }

    private func expired(_ expiry: UTCTime?) -> StorageError {
        let end = expiry.map { " at " + $0.text } ?? ""
        return StorageError(
            code: .uploadExpired,
            message: "\(subject) expired\(end); sign one for longer and send the job again"
        )
    }

    private func failure(_ error: WebError, _ place: HTTPURL) -> any Error {
        switch error.code {
        case .cancelled: CancellationError()
        case .refusedBySink: error.cause ?? error
        case .refusedAddress:
            StorageError(code: .uploadNotAllowed, message: "\(subject) must not be used: \(error.message)")
        case .untrusted, .invalidRequest, .headerTooLarge:
            StorageError(code: .uploadRefused, message: "\(subject) cannot be used: \(error.message)")
        default:
            StorageError(
                code: .uploadUnavailable,
                message: "\(subject) cannot be used: \(error.message)",
                verdict: .transient,
                away: HostAway.Cause(error).map { HostAway($0, host: RemoteHost(place)) }
            )
        }
    }
}

/// Keeps the beginning of an answer's body.
private final class Answer: WebResponseSink {
    private let kept = Mutex<[UInt8]>([])

    var body: [UInt8] { kept.withLock(\.self) }

    func begin(_ response: WebResponse) throws {}

    func receive(_ bytes: RawSpan) throws {
        kept.withLock { kept in
            bytes.withUnsafeBytes { kept += $0.prefix(max(HTTPRefusal.maximumBytes - kept.count, 0)) }
        }
    }
}
