internal import CCurl

/// Questions that a handle of libcurl answers about its exchange, also while it calls back. Must not outlive the
/// handle.
struct EasyInfo {
    private let handle: UnsafeMutableRawPointer

    init(_ handle: UnsafeMutableRawPointer) { self.handle = handle }

    /// The last status line's code; 0 before there is one.
    var status: Int { Int(value(0, ccurl_get_status)) }
    /// As the header says; -1 when it does not.
    var contentLength: Int64 { Int64(value(-1, ccurl_get_content_length)) }
    /// Whether the connection, with its TLS, is ready for the request.
    var isConnected: Bool { value(0, ccurl_get_ready_time) > 0 }
    /// A number that grows with every byte that has gone either way.
    var progress: Int64 {
        Int64(value(0, ccurl_get_received)) &+ Int64(value(0, ccurl_get_sent))
            &+ Int64(value(0, ccurl_get_header_bytes))
    }

    /// Has no more received until ``EasyHandle/goOn()``. For callbacks, as libcurl takes as much as there is in one go.
    func stopReceiving() { curl_easy_pause(handle, CURLPAUSE_RECV) }

    private func value<T>(
        _ unknown: T,
        _ get: (UnsafeMutableRawPointer?, UnsafeMutablePointer<T>?) -> CURLcode
    ) -> T {
        var value = unknown
        return get(handle, &value) == CURLE_OK ? value : unknown
    }
}
