package import Files

/// Why an object could not be read or written.
package struct StorageError: Error, Sendable, CustomStringConvertible {
    /// An open set.
    package struct Code: RawRepresentable, Sendable, Hashable {
        package var rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        package static let notFound = Code(rawValue: "object_not_found")
        package static let notAllowed = Code(rawValue: "source_not_allowed")
        /// The store cannot hold an object under the key.
        package static let invalidKey = Code(rawValue: "invalid_key")
        package static let invalidURL = Code(rawValue: "invalid_url")
        package static let unsupportedScheme = Code(rawValue: "unsupported_scheme")
        package static let tooLarge = Code(rawValue: "source_too_large")
        package static let ioFailure = Code(rawValue: "storage_failure")
        /// The URL was signed for a time that is over.
        package static let expired = Code(rawValue: "source_expired")
        /// The host of the source does not give it to us.
        package static let refused = Code(rawValue: "source_refused")
        /// The host of the source cannot be reached, or has no time for us.
        package static let unavailable = Code(rawValue: "source_unavailable")
        /// The source stopped before its end.
        package static let interrupted = Code(rawValue: "source_interrupted")
        /// The source became another one while it was read.
        package static let changed = Code(rawValue: "source_changed")
        /// The host's answer cannot be a source.
        package static let badResponse = Code(rawValue: "source_bad_response")
        /// The store, or the way to it, is in trouble.
        package static let storeUnavailable = Code(rawValue: "store_unavailable")
        /// The store refuses the credentials, or there are none.
        package static let accessDenied = Code(rawValue: "store_access_denied")
        package static let noSuchBucket = Code(rawValue: "no_such_bucket")
        package static let wrongRegion = Code(rawValue: "wrong_region")
        /// The store takes this host's clock for wrong.
        package static let clockSkew = Code(rawValue: "clock_skew")
        /// Jobs may not have their outputs put there.
        package static let destinationNotAllowed = Code(rawValue: "destination_not_allowed")
        /// An upload URL is none, or leads where none may.
        package static let uploadNotAllowed = Code(rawValue: "upload_url_not_allowed")
        /// An upload URL was signed for a time that is over.
        package static let uploadExpired = Code(rawValue: "upload_url_expired")
        /// The host of an upload URL does not take the output.
        package static let uploadRefused = Code(rawValue: "upload_refused")
        /// The host of an upload URL cannot be reached, or has no time for us.
        package static let uploadUnavailable = Code(rawValue: "upload_unavailable")
        /// Another job has put something under a key of the job's, or its removal has taken an object away.
        package static let outputReplaced = Code(rawValue: "output_replaced")
        /// The store has not kept what it was given, or not all of it.
        package static let incomplete = Code(rawValue: "object_incomplete")
    }

    /// Whether another try can help.
    package enum Verdict: Sendable, Hashable {
        /// It may go better later, but not before ``StorageError/retryAfter``.
        case transient
        /// It will fail again.
        case permanent
        /// The source is not there, or no longer. It fails again unless somebody brings it back.
        case sourceGone
    }

    package var code: Code
    package var message: String
    package var verdict: Verdict
    /// How long the other side asks to be left alone; only a transient failure has one.
    package var retryAfter: Duration?
    /// The host, when it is no fault of the object and the same would befall every other one of its host now: it is
    /// away or overloaded.
    package var away: HostAway?
    /// Of a put: whether the store is known to have taken nothing of the object, and has begun no upload of it.
    package var leavesNothing = false
    /// The file system's error, where one is involved.
    package var underlying: FileSystemError?

    package init(
        code: Code,
        message: String,
        verdict: Verdict = .permanent,
        retryAfter: Duration? = nil,
        isHostAway: Bool = false,
        away: HostAway? = nil,
        underlying: FileSystemError? = nil
    ) {
        self.code = code
        self.message = message
        self.verdict = verdict
        self.retryAfter = retryAfter
        self.away = away ?? (isHostAway ? HostAway(.overload) : nil)
        self.underlying = underlying
    }

    /// Whether the host is away or overloaded: see ``away``.
    package var isHostAway: Bool { away != nil }

    package var isRetriable: Bool { verdict == .transient }

    package var description: String { message }
}
