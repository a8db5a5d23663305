internal import HTTPClient
internal import JobModel
internal import Synchronization

/// Sends signed requests to one endpoint.
///
/// A request is signed when it is sent. When the store takes our clock for wrong, its own time is learned from the
/// answer and the request goes out once more; so it does with new credentials when the old ones have ended. Short
/// troubles are waited out here, with a few more tries; longer ones are left to the job's own retries.
final class S3Client: Sendable {
    let endpoint: S3Endpoint
    /// Knows whether the endpoint's servers are away.
    let hosts: HostWatch
    private let credentials: any S3CredentialSource
    private let unlimited: WebClient
    private let limits: Mutex<WebLimits>
    private let now: @Sendable () -> UTCTime
    /// Seconds by which the store's clock is ahead of ours, once it minded.
    private let clockOffset = Atomic<Int64>(0)
    /// The same as last seen, whether it minded or not.
    private let seenOffset = Atomic<Int64>(0)
    /// Those that have signed the last request.
    private let lastCredentials = Mutex<S3Credentials?>(nil)
    /// Whether the store takes SHA-256 as the checksum of an object, as far as is known.
    private let hasChecksums = Atomic(true)

    private static let maximumTries = 3
    /// A store that asks for more is left alone by the whole job.
    private static let longestPause = Duration.seconds(5)
    /// S3 accepts 15 minutes.
    private static let tolerableSkew: Int64 = 300
    /// As much of an error's document, and as long, is read; then the status says enough.
    private static let maximumErrorBytes = 1 << 16
    private static let maximumErrorTime = Duration.seconds(5)

    /// - Parameter connections: kept between requests; nil for a connection of its own for each.
    init(
        _ endpoint: S3Endpoint,
        credentials: any S3CredentialSource,
        authoritiesFile: String? = nil,
        hosts: HostWatch = HostWatch(),
        connections: WebConnections? = nil,
        limits: WebLimits = WebLimits(),
        now: @escaping @Sendable () -> UTCTime = { .now }
    ) {
        self.endpoint = endpoint
        self.credentials = credentials
        self.hosts = hosts
        self.now = now
        unlimited = WebClient(authoritiesFile: authoritiesFile, connections: connections)
        self.limits = Mutex(limits)
    }

    /// The clients of this process: credentials, and what is known of a store, are shared by all that use it.
    private static let known = Mutex<[S3Endpoint: S3Client]>([:])
    private static let processCredentials = S3CredentialCache(S3CredentialChain(.process))

    /// The client of this process for an endpoint.
    ///
    /// - Parameter limits: that it has from now on; nil when whoever asks does not know them.
    static func shared(_ endpoint: S3Endpoint, _ limits: WebLimits? = nil) -> S3Client {
        known.withLock { known in
            if let client = known[endpoint] {
                if let limits { client.limits.withLock { $0 = limits } }
                return client
            }
            let client = S3Client(
                endpoint,
                credentials: processCredentials,
                authoritiesFile: S3Environment.process.authoritiesFile,
                hosts: .shared,
                connections: WebConnections(),
                limits: limits ?? WebLimits()
            )
            known[endpoint] = client
            return client
        }
    }

    /// With the limits of now.
    var web: WebClient {
        var web = unlimited
        web.limits = limits.withLock { $0 }
        return web
    }

    var takesChecksums: Bool { hasChecksums.load(ordering: .relaxed) }

    func noteTakesNoChecksums() { hasChecksums.store(false, ordering: .relaxed) }

    /// How far the store's clock was ahead of ours at the last answer, in seconds.
    var clockDifference: Int64 { seenOffset.load(ordering: .relaxed) }

    /// The time on the store's clock, as far as its last answer told.
    var storeTime: UTCTime { now() + clockDifference }

    // MARK: - Requests

    /// Sends a request and collects the response's body.
    ///
    /// - Throws: ``S3Failure``, `CancellationError`, ``StorageError`` for credentials that cannot be had, or what
    ///   `didSend` threw.
    func send(_ request: S3Request) async throws -> S3Response {
        try await sending(request) { $0 }
    }

    /// As ``send(_:)``; what `read` throws counts as the answer of the store.
    func sending<R>(_ request: S3Request, _ read: (S3Response) throws -> R) async throws -> R {
        try await repeating(request) {
            let sink = S3CollectingSink()
            let response = try await exchange(request, into: sink)
            return try read(
                S3Response(
                    status: response.status,
                    headers: response.headers,
                    contentLength: response.contentLength,
                    body: sink.bytes
                )
            )
        }
    }

    /// The URL of an object.
    func url(_ bucket: String, _ key: ObjectKey) -> [UInt8] {
        Array("\(endpoint.scheme)://\(endpoint.host(of: bucket))\(endpoint.path(of: bucket, key: key))".utf8)
    }

    /// A request that somebody else sends, to the URL of an object, signed with what it has by now.
    ///
    /// - Parameter request: the same for this client. Headers that a proxy may change are left unsigned.
    func signed(_ plain: WebRequest, as request: S3Request) async throws -> WebRequest {
        var request = request
        for field in plain.headers.fields where !Self.changeableHeaders.contains(field.name.map(HTTPURL.lowercased)) {
            request.headers.add(field)
        }
        if takesChecksums { request.headers.add("x-amz-checksum-mode", "ENABLED") }
        var signed = sign(request, try await credentials.current())
        for field in plain.headers.fields where Self.changeableHeaders.contains(field.name.map(HTTPURL.lowercased)) {
            signed.headers.add(field)
        }
        var result = plain
        result.headers = signed.headers
        return result
    }

    private static let changeableHeaders: Set<[UInt8]> = [Array("user-agent".utf8), Array("accept-encoding".utf8)]

    /// Learns from a failure what was wrong with the signature.
    ///
    /// - Returns: whether the same request may be let in now.
    func corrects(_ failure: S3Failure) async -> Bool {
        if learnsClock(from: failure) { return true }
        guard failure.isExpiredToken else { return false }
        await credentials.forget()
        return true
    }

    private func repeating<R>(_ request: S3Request, _ body: () async throws -> R) async throws -> R {
        var tries = 1
        while true {
            do {
                return try await correcting(body)
            } catch var error as StorageError where tries > 1 {
                error.leavesNothing = false
                throw error
            } catch var failure as S3Failure {
                failure.isOfLaterTry = tries > 1
                // A store that is silent is left to the job's own retries.
                let isSilent = failure.web?.code == .timedOut
                let pause = max(failure.retryAfter ?? .zero, .milliseconds(Int.random(in: 100...400) << (tries - 1)))
                guard request.isRepeated, failure.isTransient, !failure.isSkewed, !isSilent,
                    failure.web == nil || request.isRepeatable, tries < Self.maximumTries, pause <= Self.longestPause
                else { throw failure }
                tries += 1
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Runs `body` again, once for each cause, when the failure says what was wrong with the signature.
    private func correcting<R>(_ body: () async throws -> R) async throws -> R {
        var hasClock = false
        var hasCredentials = false
        while true {
            do {
                return try await body()
            } catch let failure as S3Failure {
                if !hasClock, learnsClock(from: failure) {
                    hasClock = true
                } else if !hasCredentials, failure.isExpiredToken {
                    await credentials.forget()
                    hasCredentials = true
                } else {
                    throw failure
                }
            }
        }
    }

    /// - Returns: whether the clock was wrong, and the store told the right time.
    private func learnsClock(from failure: S3Failure) -> Bool {
        // The response to HEAD has no document to say why.
        guard failure.isSkewed || failure.status == 403 && failure.code.isEmpty, let time = failure.serverTime else {
            return false
        }
        let offset = time.secondsSince1970 - now().secondsSince1970
        let difference = offset - clockOffset.load(ordering: .relaxed)
        guard failure.isSkewed || abs(difference) > Self.tolerableSkew else { return false }
        clockOffset.store(offset, ordering: .relaxed)
        return true
    }

    private func exchange(_ request: S3Request, into sink: any WebResponseSink) async throws -> WebResponse {
        try Task.checkCancellation()
        let credentials: S3Credentials
        do { credentials = try await self.credentials.current() } catch var error as StorageError {
            error.leavesNothing = true
            throw error
        }
        lastCredentials.withLock { $0 = credentials }
        let filter = S3ResponseFilter(
            sink,
            maximumErrorBytes: Self.maximumErrorBytes,
            maximumErrorTime: Self.maximumErrorTime
        )
        let response: WebResponse
        do throws(WebError) {
            response = try await web.send(sign(request, credentials), into: filter)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            // However the body of a refusal ends, the refusal is known.
            guard let refusal = filter.refusal else {
                if let cause = error.cause { throw cause }
                throw S3Failure(error)
            }
            response = refusal
        }
        if let time = response.headers["date"].flatMap({ UTCTime(httpDate: $0) }) {
            seenOffset.store(time.secondsSince1970 - now().secondsSince1970, ordering: .relaxed)
        }
        guard (200..<300).contains(response.status) else {
            throw S3Failure(credentials.hidden(in: response), body: credentials.hidden(in: filter.errorBytes))
        }
        return response
    }

    /// A store's words without the credentials that have signed the request: some stores tell what they were sent.
    func withoutCredentials(_ words: [UInt8]) -> [UInt8] {
        lastCredentials.withLock { $0 }?.hidden(in: words) ?? words
    }

    private func sign(_ request: S3Request, _ credentials: S3Credentials) -> WebRequest {
        let time = now() + clockOffset.load(ordering: .relaxed)
        let path = endpoint.path(of: request.bucket, key: request.key)
        let host = endpoint.host(of: request.bucket)
        var headers = request.headers
        headers.add("x-amz-date", time.basicText)
        headers.add("x-amz-content-sha256", request.payloadHash)
        if let token = credentials.sessionToken { headers.add("x-amz-security-token", token) }
        var signedHeaders = headers
        signedHeaders.add("host", host)
        let authorization = SignatureV4(region: endpoint.region).authorization(
            SignatureV4.Request(
                method: request.method.rawValue,
                path: path,
                query: request.query,
                headers: signedHeaders,
                payloadHash: request.payloadHash
            ),
            credentials,
            at: time
        )
        headers.add("authorization", authorization)
        let query = request.query.text
        var signed = WebRequest(
            request.method,
            Array("\(endpoint.scheme)://\(host)\(path)\(query.isEmpty ? "" : "?" + query)".utf8),
            headers: headers,
            body: request.body,
            timeouts: request.timeouts,
            limits: WebResponseLimits(bodyBytes: request.maximumBodyBytes)
        )
        signed.didSend = request.didSend
        signed.needsNewConnection = !request.isRepeatable
        return signed
    }
}
