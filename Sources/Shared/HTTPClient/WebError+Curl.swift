internal import CCurl

extension WebError {
    /// - Parameters:
    ///   - origin: scheme, host and port.
    ///   - detail: libcurl's own words, of which only those about the host are taken.
    ///   - isConnected: whether the connection was ready for the request.
    ///   - hasHead: whether the header of the response had come.
    static func curl(
        _ result: CURLcode,
        origin: String,
        detail: String,
        isConnected: Bool,
        hasHead: Bool
    ) -> WebError {
        // libcurl keeps a line of a header until it is whole, and says so of one beyond its limit of 100 KiB. That
        // little memory is there.
        if result == CURLE_OUT_OF_MEMORY, isConnected, !hasHead {
            return WebError(.headerTooLarge, "\(origin): \(headerTooLarge)", curlCode: result.rawValue)
        }
        let verdict = verdict(result)
        let text: String
        switch verdict.code {
        // They speak of the host and its certificate.
        case .unknownHost, .connectionFailed, .untrusted: text = detail.isEmpty ? words(result) : detail
        case .outOfResources where result == CURLE_SSL_CACERT_BADFILE:
            text = "the file of trusted authorities cannot be read; see TLS_CA_FILE and AWS_CA_BUNDLE"
        case .timedOut: text = isConnected ? "the response took too long" : "the connection took too long"
        default: text = words(result)
        }
        var error = WebError(
            verdict.code,
            "\(origin): \(text)",
            isRetriable: verdict.isRetriable,
            curlCode: result.rawValue
        )
        // A host that does not agree on TLS is there.
        error.isUnreachable =
            verdict.code == .connectionFailed && result != CURLE_SSL_CONNECT_ERROR
            || verdict.code == .timedOut && !isConnected
        return error
    }

    static let headerTooLarge = "the response's header is too large"

    static func words(_ result: CURLcode) -> String { String(cString: curl_easy_strerror(result)) }

    private static func verdict(_ result: CURLcode) -> (code: Code, isRetriable: Bool) {
        switch result {
        case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED: (.invalidRequest, false)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: (.unknownHost, true)
        case CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR: (.connectionFailed, true)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR: (.untrusted, false)
        case CURLE_OPERATION_TIMEDOUT: (.timedOut, true)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR: (.interrupted, true)
        // Something on the way may be in trouble: a proxy, or a server that is being replaced. The protocol is that of
        // the response, as the URL's was checked.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_BAD_CONTENT_ENCODING:
            (.malformedResponse, true)
        // Our own file of authorities, which may be about to be replaced, tells nothing of the host.
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT, CURLE_SSL_CACERT_BADFILE: (.outOfResources, true)
        default: (.internalFailure, false)
        }
    }
}
