internal import CCurl
internal import Synchronization

/// One request and its response. ``run()`` blocks its thread; ``cancel()`` may be called from any other.
final class WebExchange: Sendable {
    private let request: WebRequest
    private let sink: any WebResponseSink
    private let authoritiesFile: String?
    private let cancellation = Mutex(Cancellation())

    private struct Cancellation {
        var isWanted = false
        /// As long as the exchange waits for the network.
        var waiter: Waiter?
    }

    init(_ request: WebRequest, sink: any WebResponseSink, authoritiesFile: String?) {
        self.request = request
        self.sink = sink
        self.authoritiesFile = authoritiesFile
    }

    /// Makes ``run()`` end at once with ``WebError/Code/cancelled``. A sink that is busy is waited for.
    func cancel() {
        cancellation.withLock { cancellation in
            cancellation.isWanted = true
            cancellation.waiter?.wake()
        }
    }

    func run() throws(WebError) -> WebResponse {
        try Self.startLibrary()
        let url = try RequestURL(request.url)
        let transfer = Transfer(request, sink: sink)
        let multi = try MultiHandle.make(
            EasyHandle.make(request, url, transfer: transfer, authoritiesFile: authoritiesFile)
        )
        cancellation.withLock { $0.waiter = multi.waiter }
        let end = Result { () throws(WebError) in try wait(for: multi, url.origin) }
        // Before the handle is freed, as nobody may wake it then.
        cancellation.withLock { $0.waiter = nil }
        let (detail, isConnected) = (multi.easy.detail, multi.easy.info.isConnected)
        let result = try end.get()
        if let failure = transfer.failure { throw failure.at(url.origin) }
        guard result == CURLE_OK, let response = transfer.response else {
            throw .curl(
                result == CURLE_OK ? CURLE_GOT_NOTHING : result,
                origin: url.origin,
                detail: detail,
                isConnected: isConnected
            )
        }
        return response
    }

    private func wait(for multi: borrowing MultiHandle, _ origin: String) throws(WebError) -> CURLcode {
        var activity = Activity(limit: request.timeouts.idle)
        while true {
            if cancellation.withLock({ $0.isWanted }) {
                throw WebError(.cancelled, "\(origin): the exchange was cancelled", isRetriable: true)
            }
            if let result = try multi.advance() { return result }
            guard let rest = activity.rest(multi.easy.info) else {
                throw WebError(.timedOut, "\(origin): nothing came or went for too long", isRetriable: true)
            }
            try multi.wait(atMost: rest)
        }
    }

    private static func startLibrary() throws(WebError) {
        guard isLibraryStarted else {
            throw WebError(.outOfResources, "libcurl cannot be started", isRetriable: false)
        }
    }

    /// Once in this process.
    private static let isLibraryStarted = ccurl_start() == CURLE_OK
}

extension WebError {
    fileprivate func at(_ origin: String) -> WebError {
        var error = self
        error.message = "\(origin): \(message)"
        return error
    }
}

/// For how long nothing has come or gone.
private struct Activity {
    let limit: Duration
    private var progress: Int64 = -1
    private var since = SuspendingClock.now

    init(limit: Duration) { self.limit = limit }

    /// - Returns: how long the silence may still last; nil when it has lasted too long.
    mutating func rest(_ info: EasyInfo) -> Duration? {
        // Time that passes before the connection is ready counts against another limit.
        let progress = info.isConnected ? info.progress : -1
        if progress != self.progress || progress < 0 {
            self.progress = progress
            since = .now
        }
        let rest = limit - (.now - since)
        return rest > .zero ? rest : nil
    }
}
