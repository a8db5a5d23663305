package import HTTPClient
internal import Settings

/// Reads sources by HTTP: what every kind of source has in common that a URL of HTTP leads to.
///
/// It sends GET requests alone, as a signed URL is good for one method. Redirects are followed here, at most
/// ``maximumRedirects`` of them, each to a URL that ``HTTPAccess`` allows. A connection that drops is made anew and the
/// source read on from there, if a strong ETag or a time of change tells that it is the same (`If-Range`).
///
///     var dialect = HTTPDialect()
///     dialect.authorise = { request in try sign(&request) }
///     let fetch = HTTPFetch(subject: "the object \(key)", access: .trusted, times: times, dialect: dialect)
///     try await fetch.fetch(url, FetchRequest(limitBytes: limit), into: sink)
package struct HTTPFetch: Sendable {
    package static let maximumRedirects = 5
    /// Of one request, by ``HTTPDialect/corrects``.
    private static let maximumCorrections = 2

    /// The source in messages: `the source https://…`, without what may be secret.
    package let subject: String
    private let access: HTTPAccess
    let times: HTTPTimes
    let ranges: SourceRanges
    let dialect: HTTPDialect
    private let client: WebClient
    private let hosts: HostWatch?

    /// - Parameter hosts: nil where somebody else watches the host.
    package init(
        subject: String,
        access: HTTPAccess,
        times: HTTPTimes,
        ranges: SourceRanges = SourceRanges(),
        client: WebClient = WebClient(),
        hosts: HostWatch? = .shared,
        dialect: HTTPDialect = HTTPDialect()
    ) {
        self.subject = subject
        self.access = access
        self.times = times
        self.ranges = ranges
        self.client = client
        self.hosts = hosts
        self.dialect = dialect
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
            let look = HTTPLook(self)
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
    ///
    /// - Parameter isExtra: whether it is one of several at a time: a host that wants fewer is not away.
    func exchange(
        _ url: HTTPURL,
        _ headers: WebHeaders,
        within total: Duration?,
        isExtra: Bool = false,
        _ taker: any HTTPTaker
    ) async throws -> Outcome {
        var place = url
        for _ in 0...Self.maximumRedirects {
            try Task.checkCancellation()
            try access.check(place)
            if !isExtra { try hosts?.check(place, subject) }
            let outcome = try await ask(place, headers, isOrigin: place.hasSameOrigin(as: url), within: total, taker)
            if !isExtra { note(outcome, place) }
            guard dialect.followsRedirects, case .refused(let refusal) = outcome,
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

    /// Sends one request, and again if a refusal tells how to be let in.
    private func ask(
        _ place: HTTPURL,
        _ headers: WebHeaders,
        isOrigin: Bool,
        within total: Duration?,
        _ taker: any HTTPTaker
    ) async throws -> Outcome {
        var corrections = 0
        while true {
            var request = WebRequest(.get, place.bytes, headers: headers)
            // Everything else would make the length, the ranges and the checksums those of something else.
            request.headers.add("Accept-Encoding", "identity")
            request.headers.add("User-Agent", "media-processor/\(Version.text)")
            request.timeouts = timeouts(total)
            request.limits.bodyBytes = .max
            request.addressRefusal = access.addressRefusal
            if isOrigin { try await dialect.authorise?(&request) }
            let outcome = try await send(request, taker, RemoteHost(place))
            guard isOrigin, corrections < Self.maximumCorrections, case .refused(let refusal) = outcome,
                await dialect.corrects?(refusal) == true
            else { return outcome }
            corrections += 1
        }
    }

    private func note(_ outcome: Outcome, _ place: HTTPURL) {
        switch outcome {
        case .taken: hosts?.note(place, nil)
        case .refused(let refusal): hosts?.note(place, error(of: refusal, place))
        case .interrupted(let error, _): hosts?.note(place, error)
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

    private func send(
        _ request: WebRequest,
        _ taker: any HTTPTaker,
        _ host: RemoteHost
    ) async throws -> Outcome {
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
                throw StorageError(code: .notAllowed, message: "\(subject) must not be used: \(error.message)")
            case .invalidRequest, .untrusted, .headerTooLarge, .internalFailure:
                throw dialect.explainFailure?(error)
                    ?? StorageError(
                        code: error.code == .headerTooLarge ? .badResponse : .unavailable,
                        message: "\(subject) cannot be read: \(error.message)"
                    )
            case _ where receiver.refusal != nil: break
            default:
                let failure =
                    dialect.explainFailure?(error)
                    ?? StorageError(
                        code: .unavailable,
                        message: "\(subject) cannot be read: \(error.message)",
                        verdict: .transient,
                        away: HostAway.Cause(error).map { HostAway($0, host: host) }
                    )
                return .interrupted(failure, isSlow: error.code == .timedOut)
            }
        }
        if var refusal = receiver.refusal {
            refusal.host = host
            return .refused(refusal)
        }
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
        dialect.explain?(refusal) ?? refusal.error(subject, expiry: SignedURL.expiry(ofQuery: url.query))
    }

    /// The source became another one while it was read.
    var changed: StorageError {
        StorageError(
            code: .changed,
            message: "\(subject) was changed while it was read; the next attempt begins anew",
            verdict: .transient
        )
    }

    func head(_ response: WebResponse) throws(StorageError) -> HTTPHead {
        try HTTPHead(response, subject, storesEncodings: dialect.storesEncodings)
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
            .now > expiry + Self.clockToleranceSeconds
        else { return }
        throw HTTPRefusal.expired(subject, expiry)
    }

    /// A clock of this host that is a little fast must not refuse what the host of the source would still give.
    private static let clockToleranceSeconds: Int64 = 60
}
