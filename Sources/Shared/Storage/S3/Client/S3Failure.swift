internal import HTTPClient
internal import JobModel

/// Why a request was not fulfilled: a response that says so, or none at all.
struct S3Failure: Error, Sendable {
    /// The response's; 0 when there is none.
    var status = 0
    /// Such as `NoSuchKey`; empty when the store gives none.
    var code = ""
    /// The store's words, on one line.
    var message = ""
    var requestID = ""
    /// Where the store says that the bucket is.
    var region: String?
    var retryAfter: Duration?
    /// The time on the store's clock.
    var serverTime: UTCTime?
    /// Why there is no response.
    var web: WebError?
    /// Whether a try before may have been carried out although it seemed to fail.
    var isOfLaterTry = false
    /// As ``StorageError/leavesNothing``.
    var leavesNothing = false

    init() {}

    init(_ error: WebError) { web = error }

    /// - Parameter body: an error document, or whatever a proxy on the way has written.
    init(_ response: WebResponse, body: [UInt8]) {
        status = response.status
        func text(_ name: String) -> String? {
            response.headers[name].flatMap { String(validating: $0, as: UTF8.self) }
        }
        serverTime = response.headers["date"].flatMap { UTCTime(httpDate: $0) }
        retryAfter = RetryAfter.duration(response.headers)
        region = text("x-amz-bucket-region")
        requestID = Self.shown(text("x-amz-request-id"))
        take(document: try? XMLDocument.root(of: body))
    }

    /// An error document in a response that claims success (CompleteMultipartUpload).
    init(document: XMLElement, status: Int) {
        self.status = status
        take(document: document)
    }

    private mutating func take(document: XMLElement?) {
        guard let document, document.isNamed("Error") else { return }
        code = Self.shown(document["Code"]?.string, atMost: 100)
        message = Self.shown(document["Message"]?.string)
        if requestID.isEmpty { requestID = Self.shown(document["RequestId"]?.string) }
        if region == nil, let named = document["Region"]?.string { region = Self.shown(named, atMost: 64) }
    }

    private static func shown(_ text: String?, atMost bytes: Int = 300) -> String {
        (text ?? "").clipped(toBytes: bytes).shown
    }

    // MARK: - Kinds

    var isNotFound: Bool { status == 404 && !isNoSuchBucket && code != "NoSuchUpload" }
    var isNoSuchBucket: Bool { code == "NoSuchBucket" }
    /// Of a request about an upload: somebody has completed or aborted it.
    var isUploadGone: Bool { code == "NoSuchUpload" || status == 404 && !isNoSuchBucket }
    var isPreconditionFailed: Bool { status == 412 }

    /// Whether the store takes our clock for wrong.
    var isSkewed: Bool { code == "RequestTimeTooSkewed" || code == "RequestExpired" }

    /// Whether other credentials may help at once: the old ones have ended.
    var isExpiredToken: Bool { ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"].contains(code) }

    /// Whether the store knows who asks, and does not allow the request.
    var isForbidden: Bool { web == nil && status == 403 && !isSkewed && !refusesCredentials }

    /// Whether the store does not know who asks, so that it would refuse every other request as well.
    var refusesCredentials: Bool { Self.credentialCodes.contains(code) }

    private static let credentialCodes = [
        "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId",
    ]

    /// Whether the store may not know a header, or an element, that we can do without.
    var isUnsupported: Bool {
        status == 501
            || status == 400
                && ["NotImplemented", "InvalidArgument", "InvalidRequest", "MalformedXML", "UnsupportedArgument"]
                    .contains(code)
    }

    /// Whether the store has surely done nothing of what it was asked for.
    var isSureRefusal: Bool { web == nil && (400..<500).contains(status) && !isTransient && !isOfLaterTry }

    var isTransient: Bool {
        if let web { return web.isRetriable }
        let codes = [
            "SlowDown", "Busy", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted",
            "ConditionalRequestConflict", "TooManyRequests", "ThrottlingException", "Throttling", "BadDigest",
            "XAmzContentSHA256Mismatch", "IncompleteBody",
        ]
        return status == 429 || status >= 500 && status != 501 || status == 307 || status == 408 || isSkewed
            || isExpiredToken || codes.contains(code)
    }

    /// nil for a failure that may be the object's own. A store has no requests that take long, so one that falls silent
    /// is away as well.
    var awayCause: HostAway.Cause? {
        if let web { return HostAway.Cause(web) ?? (web.code == .timedOut ? .silence : nil) }
        let codes = ["SlowDown", "Busy", "ServiceUnavailable", "TooManyRequests", "ThrottlingException", "Throttling"]
        return HTTPRefusal.isOfHost(status: status) || codes.contains(code) ? .overload : nil
    }
}

extension S3Failure {
    /// The failure as the rest of the program knows it: cause, verdict, and what to do.
    func storageError(_ request: S3Request, _ client: S3Client) -> StorageError {
        let bucket = "the bucket \(request.bucket) at \(client.endpoint.description)"
        let subject = request.key.map { "`\($0)` in \(bucket)" } ?? bucket
        let away = awayCause.map { HostAway($0, host: client.endpoint.server(of: request.bucket)) }
        if let web {
            return StorageError(
                code: web.isRetriable ? .storeUnavailable : .ioFailure,
                message: "cannot \(request.purpose) \(subject): \(web.message)"
                    + (web.code == .untrusted ? "; AWS_CA_BUNDLE names a file with more authorities" : ""),
                verdict: web.isRetriable ? .transient : .permanent,
                away: away
            )
        }
        let (code, advice) = advice(request, client)
        var error = StorageError(
            code: code,
            message: "cannot \(request.purpose) \(subject): \(words)"
                + (advice.map { "; " + $0 } ?? ""),
            verdict: code == .notFound ? .sourceGone : isTransient || code == .incomplete ? .transient : .permanent,
            retryAfter: isTransient ? retryAfter : nil,
            away: isTransient ? away : nil
        )
        error.leavesNothing = leavesNothing
        return error
    }

    /// The store's answer for people.
    private var words: String {
        let parts = ["\(status)", code, message].filter { !$0.isEmpty }
        return "the store answered " + parts.joined(separator: " ")
            + (requestID.isEmpty ? "" : " (request \(requestID))")
    }

    private func advice(_ request: S3Request, _ client: S3Client) -> (StorageError.Code, String?) {
        let resource = "arn:aws:s3:::\(request.bucket)" + (request.key == nil ? "" : "/…")
        switch code {
        case "NoSuchBucket":
            return (.noSuchBucket, "create the bucket, or correct its name in STORAGE_URL or in the job's source")
        case _ where refusesCredentials:
            return (.accessDenied, "correct the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE)")
        case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
            return (.accessDenied, "renew AWS_SESSION_TOKEN and its keys")
        case "RequestTimeTooSkewed", "RequestExpired":
            return (.clockSkew, "set this host's clock, for which NTP is made")
        case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
            "IllegalLocationConstraintException":
            return (.wrongRegion, wrongRegion(client))
        case "NotImplemented":
            return (.ioFailure, "leave out the S3_… setting that this store does not have")
        case "KeyTooLongError": return (.invalidKey, "shorten the key")
        case "InvalidPart": return (.incomplete, "the job's next try looks at the parts again")
        default: break
        }
        switch status {
        case 301, 302, 307, 308: return (.wrongRegion, wrongRegion(client))
        case 404: return (.notFound, "upload it first, or correct the job's source")
        case 401, 403:
            return (
                .accessDenied,
                "allow it to these credentials on \(resource) (docs/storage.md has the policy), or take others"
            )
        case 400 where region != nil && region != client.endpoint.region: return (.wrongRegion, wrongRegion(client))
        default: return (isTransient ? .storeUnavailable : .ioFailure, nil)
        }
    }

    private func wrongRegion(_ client: S3Client) -> String {
        region.map { "the bucket is in the region \($0): set region=\($0) in STORAGE_URL" }
            ?? "the bucket is elsewhere than in \(client.endpoint.region): correct region= or endpoint= in STORAGE_URL"
    }
}
