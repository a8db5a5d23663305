internal import CCurl

/// The owner of one handle of libcurl, set up for one exchange, and of all that the handle points to.
struct EasyHandle: ~Copyable {
    let pointer: UnsafeMutableRawPointer
    private let transfer: Transfer
    private let headers: HeaderList
    private let hosts: HostList
    private let errorText: UnsafeMutablePointer<CChar>
    let info: EasyInfo

    static func make(
        _ request: WebRequest,
        _ url: RequestURL,
        transfer: Transfer,
        client: WebClient
    ) throws(WebError) -> EasyHandle {
        let headers = try HeaderList(request.headers)
        let hosts = try HostList(client.resolver?(url.host) ?? [], of: url)
        guard let pointer = curl_easy_init() else {
            throw WebError(.outOfResources, "no memory for a request", isRetriable: true)
        }
        let handle = EasyHandle(pointer, transfer, headers, hosts)
        try handle.setSafety(client.authoritiesFile)
        try handle.setRequest(request, url)
        try handle.setTimeouts(request.timeouts)
        try handle.setBuffers(request, client.limits)
        try handle.setCallbacks()
        try handle.setSockets()
        return handle
    }

    private init(
        _ pointer: UnsafeMutableRawPointer,
        _ transfer: Transfer,
        _ headers: consuming HeaderList,
        _ hosts: consuming HostList
    ) {
        self.pointer = pointer
        self.transfer = transfer
        self.headers = headers
        self.hosts = hosts
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        info = EasyInfo(pointer)
        transfer.info = info
    }

    deinit {
        // Calls no callback for HTTP, and uses the lists and the text no more.
        curl_easy_cleanup(pointer)
        transfer.info = nil
        errorText.deallocate()
    }

    /// Stops the exchange where it is; what the other side sends meanwhile stays with the system. Again does nothing.
    func pause() throws(WebError) {
        let result = curl_easy_pause(pointer, CURLPAUSE_RECV | CURLPAUSE_SEND)
        // It has no connection at the moment, so nothing comes or goes.
        if result != CURLE_BAD_FUNCTION_ARGUMENT { try check(result) }
    }

    /// Has it go on; with what has come before it was stopped, callbacks are called at once.
    ///
    /// - Returns: how the exchange has ended when that fails, else `CURLE_OK`.
    func goOn() -> CURLcode {
        let result = curl_easy_pause(pointer, CURLPAUSE_CONT)
        return result == CURLE_BAD_FUNCTION_ARGUMENT ? CURLE_OK : result
    }

    /// libcurl's own words of its last failure; may be empty.
    var detail: String { String(cString: errorText) }

    /// Switches off actions that libcurl must not take of its own accord.
    private func setSafety(_ authoritiesFile: String?) throws(WebError) {
        try check(ccurl_set_uses_no_signals(pointer, 1))
        try check(ccurl_set_leaves_lookups(pointer, 1))
        try check(ccurl_set_schemes(pointer, "http,https"))
        try check(ccurl_set_follows_redirects(pointer, 0))
        try check(ccurl_set_proxy(pointer, ""))
        try check(ccurl_set_netrc(pointer, Int(CURL_NETRC_IGNORED.rawValue)))
        try check(ccurl_set_refuses_user_in_url(pointer, 1))
        try check(ccurl_set_keeps_path(pointer, 1))
        // One exchange at a time on each connection: HTTP/2 would gain nothing.
        try check(ccurl_set_http_version(pointer, Int(CURL_HTTP_VERSION_1_1)))
        try check(ccurl_set_verifies_peer(pointer, 1))
        try check(ccurl_set_verifies_host(pointer, 2))
        try check(ccurl_set_tls_version(pointer, Int(CURL_SSLVERSION_TLSv1_2)))
        // In place of the file with all of the system's authorities. The directory with each of them stays.
        if let authoritiesFile { try check(ccurl_set_authorities_file(pointer, authoritiesFile)) }
    }

    private func setRequest(_ request: WebRequest, _ url: RequestURL) throws(WebError) {
        let result = (url.bytes + [0]).withUnsafeBytes { bytes in
            ccurl_set_url(pointer, bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        try check(result)
        try check(ccurl_set_headers(pointer, headers.list))
        if request.needsNewConnection { try check(ccurl_set_needs_new_connection(pointer, 1)) }
        if let hosts = hosts.list { try check(ccurl_set_known_hosts(pointer, hosts)) }
        switch request.method {
        case .get: try check(ccurl_set_is_get(pointer, 1))
        case .head: try check(ccurl_set_is_head(pointer, 1))
        case .put, .post, .delete: break
        }
        // A POST without a body says that its length is 0.
        if request.body != nil || request.method == .post || request.method == .put {
            try check(ccurl_set_has_body(pointer, 1))
            try check(ccurl_set_body_bytes(pointer, curl_off_t(request.body?.count ?? 0)))
        }
        if request.method != .head { try check(ccurl_set_method(pointer, request.method.rawValue)) }
    }

    /// Large pieces cost fewer calls; a small exchange needs no memory for them, and one with a limit of its bandwidth
    /// goes in small steps.
    private func setBuffers(_ request: WebRequest, _ limits: WebLimits) throws(WebError) {
        func bytes(isLarge: Bool, _ limit: Bandwidth?) -> Int? {
            guard isLarge || limit != nil else { return nil }
            let bytes = isLarge ? Self.largeBufferBytes : Self.smallBufferBytes
            return Int(max(min(bytes, limit?.pieceBytes ?? bytes), Self.smallBufferBytes))
        }
        if let bytes = bytes(isLarge: request.limits.bodyBytes > Self.largeBodyBytes, limits.receiving) {
            try check(ccurl_set_receive_buffer(pointer, bytes))
        }
        if let bytes = bytes(isLarge: request.body?.count ?? 0 > Self.largeBodyBytes, limits.sending) {
            try check(ccurl_set_send_buffer(pointer, bytes))
        }
    }

    private static let largeBodyBytes: Int64 = 16 << 20
    private static let largeBufferBytes: Int64 = 256 << 10
    /// The least that libcurl takes for sending.
    private static let smallBufferBytes: Int64 = 16 << 10

    private func setTimeouts(_ timeouts: WebTimeouts) throws(WebError) {
        try check(ccurl_set_connect_timeout(pointer, timeouts.connect.wholeMilliseconds))
        if let total = timeouts.total { try check(ccurl_set_total_timeout(pointer, total.wholeMilliseconds)) }
    }

    private func setCallbacks() throws(WebError) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        try check(ccurl_set_error_text(pointer, errorText))
        try check(ccurl_set_header_context(pointer, context))
        try check(
            ccurl_set_header_function(pointer) { bytes, size, count, context in
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return EasyHandle.transfer(context).takeHeaderLine(line) ? line.count : -1
            }
        )
        try check(ccurl_set_write_context(pointer, context))
        try check(
            ccurl_set_write_function(pointer) { bytes, size, count, context in
                let piece = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return EasyHandle.transfer(context).takeBody(piece) ? piece.count : -1
            }
        )
        try check(ccurl_set_read_context(pointer, context))
        try check(
            ccurl_set_read_function(pointer) { bytes, size, count, context in
                let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return EasyHandle.transfer(context).supplyBody(room) ?? Int(CURL_READFUNC_ABORT)
            }
        )
        try check(ccurl_set_seek_context(pointer, context))
        try check(
            ccurl_set_seek_function(pointer) { context, offset, origin in
                let isDone = origin == SEEK_SET && EasyHandle.transfer(context).seekBody(to: Int64(offset))
                return isDone ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL
            }
        )
    }

    private func setSockets() throws(WebError) {
        try check(ccurl_set_open_socket_context(pointer, Unmanaged.passUnretained(transfer).toOpaque()))
        try check(
            ccurl_set_open_socket_function(pointer) { context, _, address in
                guard let address else { return CURL_SOCKET_BAD }
                let bytes = [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
                    count = Int(ccurl_address(address, buffer.baseAddress))
                }
                return EasyHandle.transfer(context).admits(bytes) ? ccurl_open_socket(address) : CURL_SOCKET_BAD
            }
        )
    }

    private static func transfer(_ context: UnsafeMutableRawPointer?) -> Transfer {
        guard let context else { fatalError("libcurl passes the context that it was given") }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    private func check(_ result: CURLcode) throws(WebError) {
        guard result != CURLE_OK else { return }
        throw WebError(
            result == CURLE_OUT_OF_MEMORY ? .outOfResources : .internalFailure,
            "libcurl does not take an option: \(WebError.words(result))",
            isRetriable: result == CURLE_OUT_OF_MEMORY,
            curlCode: result.rawValue
        )
    }
}

extension Duration {
    /// At least 1, as 0 is no limit to libcurl; at most what it takes.
    fileprivate var wholeMilliseconds: Int {
        let milliseconds = self / .milliseconds(1)
        return Int(min(max(milliseconds.rounded(.up), 1), Double(Int32.max)))
    }
}
