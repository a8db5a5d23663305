internal import Threads

/// Sends HTTP requests, by libcurl.
///
/// Whatever the environment says, there are no proxies and no `~/.netrc`; redirects are responses like any other; TLS
/// 1.2 or later, with a certificate that the system trusts.
package struct WebClient: Sendable {
    /// A file in PEM with authorities that are trusted as well as those in the system's directory.
    package var authoritiesFile: String?
    /// Gives a host's numeric addresses in place of the system's lookup, once for each exchange; none leaves the host
    /// to the system. For tests of names that no server has.
    package var resolver: (@Sendable (_ host: String) -> [String])?
    /// Tells why a host was not found, which libcurl does not.
    var lookup: @Sendable (_ host: String) async -> HostLookup = { await HostLookup.system($0) }
    /// Where connections wait for the next exchange. Without it, each exchange has a connection of its own, as has each
    /// request with an ``WebRequest/addressRefusal``. Not for clients that differ in other things.
    package var connections: WebConnections?
    package var limits: WebLimits

    package init(
        authoritiesFile: String? = nil,
        connections: WebConnections? = nil,
        limits: WebLimits = WebLimits(),
        resolver: (@Sendable (_ host: String) -> [String])? = nil
    ) {
        self.authoritiesFile = authoritiesFile
        self.connections = connections
        self.limits = limits
        self.resolver = resolver
    }

    /// Sends the request, and gives the response to `sink`.
    ///
    /// Runs on a thread that may block. When the task is cancelled, the exchange ends at once.
    ///
    /// - Returns: the head of the response, when its body is complete.
    /// - Throws: ``WebError``. The sink may have got a part of the response by then.
    package func send(_ request: WebRequest, into sink: any WebResponseSink) async throws(WebError) -> WebResponse {
        let exchange = WebExchange(request, sink: sink, client: self)
        do throws(WebError) {
            return try await OwnThread.run(
                { () throws(WebError) in try exchange.run() },
                onCancel: { exchange.cancel() }
            )
        } catch {
            throw error.code == .unknownHost ? await explained(error, request) : error
        }
    }

    /// A host was not found. A name that does not exist stays so; name servers that do not answer may later.
    private func explained(_ error: WebError, _ request: WebRequest) async -> WebError {
        guard resolver == nil, let url = try? RequestURL(request.url), await lookup(url.host) != .unknown else {
            return error
        }
        if Task.isCancelled {
            return WebError(.cancelled, "\(url.origin): the exchange was cancelled", isRetriable: true)
        }
        var explained = error
        explained.message = "\(url.origin): its name cannot be looked up now; see this host's name servers"
        explained.isUnreachable = true
        return explained
    }
}
