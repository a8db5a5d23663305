internal import CCurl

extension WebError {
    /// - Parameters:
    ///   - origin: scheme, host and port.
    ///   - detail: libcurl's own words, of which only those about the host are taken.
    ///   - isConnected: whether the connection was ready for the request.
    static func curl(_ result: CURLcode, origin: String, detail: String, isConnected: Bool) -> WebError {
        let verdict = verdict(result)
        let text: String
        switch verdict.code {
        // They speak of the host and its certificate.
        case .unknownHost, .connectionFailed, .untrusted: text = detail.isEmpty ? words(result) : detail
        case .timedOut: text = isConnected ? "the response took too long" : "the connection took too long"
        default: text = words(result)
        }
        var error = WebError(
            verdict.code,
            "\(origin): \(text)",
            isRetriable: verdict.isRetriable,
            curlCode: result.rawValue
        )
        error.isUnreachable = verdict.code == .connectionFailed || verdict.code == .timedOut && !isConnected
        return error
    }

    static func words(_ result: CURLcode) -> String { String(cString: curl_easy_strerror(result)) }

    private static func verdict(_ result: CURLcode) -> (code: Code, isRetriable: Bool) {
        switch result {
        case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED: (.invalidRequest, false)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: (.unknownHost, true)
        case CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR: (.connectionFailed, true)
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE: (.untrusted, false)
        case CURLE_OPERATION_TIMEDOUT: (.timedOut, true)
        case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR: (.interrupted, true)
        // Something on the way may be in trouble: a proxy, or a server that is being replaced. The protocol is that of
        // the response, as the URL's was checked.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_HTTP2_STREAM,
            CURLE_BAD_CONTENT_ENCODING:
            (.malformedResponse, true)
        case CURLE_OUT_OF_MEMORY, CURLE_FAILED_INIT: (.outOfResources, true)
        default: (.internalFailure, false)
        }
    }
}
