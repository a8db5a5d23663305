/// An exchange that ended without a complete response.
///
/// Neither the message nor the cause has the URL's path or query, or anything of a header: these may hold secrets.
package struct WebError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The request is none that can be sent.
        case invalidRequest = "invalid_request"
        case unknownHost = "unknown_host"
        case connectionFailed = "connection_failed"
        /// The host has only addresses that ``WebRequest/addressRefusal`` refuses.
        case refusedAddress = "refused_address"
        /// The server's certificate is not one to trust, or is another host's.
        case untrusted
        case timedOut = "timed_out"
        /// The connection ended before the response did.
        case interrupted
        /// The response is not HTTP.
        case malformedResponse = "malformed_response"
        case headerTooLarge = "header_too_large"
        case bodyTooLarge = "body_too_large"
        /// The file to send is shorter than was said, or cannot be read.
        case unreadableBody = "unreadable_body"
        /// The sink threw ``WebError/cause``.
        case refusedBySink = "refused_by_sink"
        case cancelled
        /// Memory or descriptors are missing.
        case outOfResources = "out_of_resources"
        case internalFailure = "internal_failure"
    }

    package var code: Code
    package var message: String
    /// Whether the same request may well succeed later.
    package var isRetriable: Bool
    /// Whether no connection to the host can be had now, so that the request has not reached it. A name that does not
    /// exist is none of a host that is away.
    package var isUnreachable = false
    /// A `CURLcode`, where libcurl has failed.
    package var curlCode: UInt32?
    /// The sink's error.
    package var cause: (any Error)?

    init(
        _ code: Code,
        _ message: String,
        isRetriable: Bool = false,
        curlCode: UInt32? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.isRetriable = isRetriable
        self.curlCode = curlCode
        self.cause = cause
    }

    package var description: String { message }
}
