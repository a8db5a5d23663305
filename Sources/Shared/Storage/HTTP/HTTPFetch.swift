internal import FoundationEssentials
package import HTTPClient
internal import Settings

/// Reads sources by HTTP: what every kind of source has in common that a URL of HTTP leads to.
///
/// It sends GET requests alone, as a signed URL is good for one method. Redirects are followed here, at most
/// ``maximumRedirects`` of them, each to a URL that ``HTTPAccess`` allows. A connection that drops is made anew and the
/// source read on from there, if a strong ETag or a time of change tells that it is the same (`If-Range`).
///
///     let fetch = HTTPFetch(subject: "the object \(key)", access: .trusted, times: times) { request in
///         try sign(&request)
///     }
///     try await fetch.fetch(url, FetchRequest(limitBytes: limit), into: sink)
package struct HTTPFetch: Sendable {
    /// Gives a request what it needs to be let in, such as an `Authorization`, just before it is sent: its method, URL
    /// and headers are those that go out. Called for each request to the origin of the URL that was asked for, and so
    /// for each connection anew, but not for a redirect that leads to another origin.
    package typealias Authorisation = @Sendable (_ request: inout WebRequest) async throws -> Void

    /// Tells in a kind's own words what an answer means that is no source; nil leaves it to the general ones.
    package typealias Explanation = @Sendable (_ refusal: HTTPRefusal) -> StorageError?

    package static let maximumRedirects = 5

    /// The source in messages: `the source https://…`, without what may be secret.
    package let subject: String
    private let access: HTTPAccess
    let times: HTTPTimes
    private let client: WebClient
    private let hosts: HostWatch
    private let authorise: Authorisation?
    private let explain: Explanation?

    package init(
        subject: String,
        access: HTTPAccess,
        times: HTTPTimes,
        client: WebClient = WebClient(),
        hosts: HostWatch = .shared,
        explaining explain: Explanation? = nil,
        authorising authorise: Authorisation? = nil
    ) {
        self.subject = subject
        self.access = access
        self.times = times
        self.client = client
        self.hosts = hosts
        self.authorise = authorise
        self.explain = explain
    }

    /// Asks what there is, by reading its first byte.
    ///
    /// - Throws: ``StorageError``, `CancellationError`, or what the authorisation threw.
    package func probe(_ url: HTTPURL) async throws -> SourceFacts {
        try checkExpiry(url)
        // A server may refuse every range, or the range of an empty source.
        for range in ["bytes=0-0", nil] {
            var headers = WebHeaders()
            if let range { headers.add("Range", range) }
            let look = HTTPLook(subject)
            switch try await exchange(url, headers, within: times.total, look) {
            case .taken:
                guard let facts = look.facts else { throw interruption(after: 0, of: nil, "there was no answer") }
                return facts
            case .refused(let refusal) where range != nil && refusal.response.status == 416:
                let range = refusal.response.headers["Content-Range"].flatMap { HTTPContentRange($0) }
                if range?.total == 0 { return SourceFacts(sizeBytes: 0) }
            case .refused(let refusal): throw error(of: refusal, url)
            case .interrupted(let error, _): throw error
            }
        }
        throw StorageError(code: .badResponse, message: "\(subject) is given neither as a whole nor in part (416)")
    }

    /// Reads into a sink, as ``Source/fetch(_:into:)`` does.
    ///
    /// - Returns: the size of the whole source.
    /// - Throws: ``StorageError``, `CancellationError`, what the authorisation threw, or what the sink threw.
    package func fetch(
        _ url: HTTPURL,
        _ request: FetchRequest,
        into sink: any SourceSink
    ) async throws -> Int64 {
        try checkExpiry(url)
        return try await Delivery.run(request, to: sink) { delivery in
            try await HTTPFetchRun(self, url, request, delivery).run()
        }
    }

    // MARK: - Exchanges

    enum Outcome {
        /// The taker has got all that it wanted.
        case taken(WebResponse)
        case refused(HTTPRefusal)
        /// - Parameter isSlow: it was for the time that it took.
        case interrupted(StorageError, isSlow: Bool)
    }

    /// Sends one request, and those that its redirects lead to.
    func exchange(
        _ url: HTTPURL,
        _ headers: WebHeaders,
        within total: Duration?,
        _ taker: any HTTPTaker
    ) async throws -> Outcome {
        var place = url
        for _ in 0...Self.maximumRedirects {
            try Task.checkCancellation()
            try access.check(place)
            try hosts.check(place, subject)
            var request = WebRequest(.get, place.bytes, headers: headers)
            // Everything else would make the length, the ranges and the checksums those of something else.
            request.headers.add("Accept-Encoding", "identity")
            request.headers.add("User-Agent", "media-processor/\(Version.text)")
            request.timeouts = timeouts(total)
            request.limits.bodyBytes = .max
            request.addressRefusal = access.addressRefusal
            if let authorise, place.hasSameOrigin(as: url) { try await authorise(&request) }
            let outcome = try await send(request, taker)
            note(outcome, place)
            guard case .refused(let refusal) = outcome,
                [301, 302, 303, 307, 308].contains(refusal.response.status),
                let location = refusal.response.headers["Location"]
            else { return outcome }
            place = try place.redirected(to: location)
        }
        throw StorageError(
            code: .badResponse,
            message: "\(subject) leads to more than \(Self.maximumRedirects) redirects; give the URL at their end"
        )
    }

    private func note(_ outcome: Outcome, _ place: HTTPURL) {
        switch outcome {
        case .taken: hosts.note(place, nil)
        case .refused(let refusal): hosts.note(place, error(of: refusal, place))
        case .interrupted(let error, _): hosts.note(place, error)
        }
    }

    private func timeouts(_ total: Duration?) -> WebTimeouts {
        let seconds = max(1, Int64((times.idle / .seconds(1)).rounded(.up)))
        let (bytes, overflow) = times.minimumBytesPerSecond.multipliedReportingOverflow(by: seconds)
        return WebTimeouts(
            connect: times.connect,
            idle: times.idle,
            head: times.head,
            rate: bytes > 0 && !overflow ? WebRate(bytes: bytes, period: .seconds(seconds)) : nil,
            total: total
        )
    }

    private func send(_ request: WebRequest, _ taker: any HTTPTaker) async throws -> Outcome {
        let receiver = HTTPReceiver(taker)
        do throws(WebError) {
            _ = try await client.send(request, into: receiver)
        } catch {
            switch error.code {
            case .cancelled: throw CancellationError()
            case .refusedBySink where error.cause is HTTPReceiver.Enough: break
            case .refusedBySink:
                if let cause = error.cause { throw cause }
                throw error
            case .refusedAddress:
                throw StorageError(code: .notAllowed, message: "\(subject) must not be read: \(error.message)")
            case .invalidRequest, .untrusted, .headerTooLarge, .internalFailure:
                throw StorageError(
                    code: error.code == .headerTooLarge ? .badResponse : .unavailable,
                    message: "\(subject) cannot be read: \(error.message)"
                )
            case _ where receiver.refusal != nil: break
            default:
                let failure = StorageError(
                    code: .unavailable,
                    message: "\(subject) cannot be read: \(error.message)",
                    verdict: .transient,
                    isHostAway: error.code == .connectionFailed
                )
                return .interrupted(failure, isSlow: error.code == .timedOut)
            }
        }
        if let refusal = receiver.refusal { return .refused(refusal) }
        guard let response = receiver.response else {
            throw StorageError(
                code: .unavailable,
                message: "\(subject) cannot be read: there was no answer",
                verdict: .transient
            )
        }
        return .taken(response)
    }

    // MARK: - Errors

    func error(of refusal: HTTPRefusal, _ url: HTTPURL) -> StorageError {
        explain?(refusal) ?? refusal.error(subject, expiry: SignedURL.expiry(ofQuery: url.query))
    }

    func interruption(after bytes: Int64, of size: Int64?, _ why: String) -> StorageError {
        let size = size.map { " of \($0)" } ?? ""
        return StorageError(
            code: .interrupted,
            message: "\(subject) stopped after \(bytes)\(size) bytes: \(why)",
            verdict: .transient
        )
    }

    /// Asks nobody for what was signed for a time that is over: some stores answer 400, others 403.
    private func checkExpiry(_ url: HTTPURL) throws(StorageError) {
        guard let expiry = SignedURL.expiry(ofQuery: url.query),
            Date() > expiry.addingTimeInterval(Self.clockToleranceSeconds)
        else { return }
        throw HTTPRefusal.expired(subject, expiry)
    }

    /// A clock of this host that is a little fast must not refuse what the host of the source would still give.
    private static let clockToleranceSeconds = 60.0
}
