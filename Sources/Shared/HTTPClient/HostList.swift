internal import CCurl

/// The known addresses of a request's host, as libcurl wants them in place of a lookup.
struct HostList: ~Copyable {
    /// nil when the host is to be looked up.
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    init(_ addresses: [String], of url: RequestURL) throws(WebError) {
        if addresses.isEmpty { return }
        let line = "\(url.host):\(url.port):\(addresses.joined(separator: ","))"
        guard let list = curl_slist_append(nil, line) else {
            throw WebError(.outOfResources, "no memory for a request", isRetriable: true)
        }
        self.list = list
    }

    deinit { curl_slist_free_all(list) }
}
