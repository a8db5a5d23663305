internal import CCurl
internal import Synchronization

/// One request and its response. ``run()`` blocks its thread; ``cancel()`` may be called from any other.
final class WebExchange: Sendable {
    private let request: WebRequest
    private let sink: any WebResponseSink
    private let client: WebClient
    private let cancellation = Mutex(Cancellation())

    private struct Cancellation {
        var isWanted = false
        /// As long as the exchange waits for the network.
        var waiter: Waiter?
    }

    init(_ request: WebRequest, sink: any WebResponseSink, client: WebClient) {
        self.request = request
        self.sink = sink
        self.client = client
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
        // Addresses are looked at when a connection is made, so a request that refuses some has one of its own.
        let connections = request.addressRefusal == nil ? client.connections : nil
        let multi: MultiHandle
        if let kept = connections?.take(url.origin) { multi = kept } else { multi = try MultiHandle() }
        let response = try run(on: multi, url)
        // One of an exchange that has failed is closed.
        connections?.keep(multi, url.origin)
        return response
    }

    private func run(on multi: MultiHandle, _ url: RequestURL) throws(WebError) -> WebResponse {
        let transfer = Transfer(request, sink: sink, bandwidth: client.limits)
        let running = try RunningExchange.make(
            EasyHandle.make(request, url, transfer: transfer, client: client),
            on: multi
        )
        cancellation.withLock { $0.waiter = multi.waiter }
        let end = Result { () throws(WebError) in try wait(for: running, transfer, url.origin) }
        // Nobody may wake the handle for this exchange any more.
        cancellation.withLock { $0.waiter = nil }
        let (detail, isConnected) = (running.easy.detail, running.easy.info.isConnected)
        let result = try end.get()
        if let failure = transfer.failure { throw failure.at(url.origin) }
        if result != CURLE_OK, let problem = transfer.addressProblem {
            throw WebError(.refusedAddress, "\(url.origin): \(problem)", curlCode: result.rawValue)
        }
        guard result == CURLE_OK, let response = transfer.response else {
            throw .curl(
                result == CURLE_OK ? CURLE_GOT_NOTHING : result,
                origin: url.origin,
                detail: detail,
                isConnected: isConnected,
                hasHead: transfer.response != nil
            )
        }
        return response
    }

    private func wait(
        for running: borrowing RunningExchange,
        _ transfer: Transfer,
        _ origin: String
    ) throws(WebError) -> CURLcode {
        var activity = Activity(request.timeouts, at: .now)
        while true {
            try checkCancellation(origin)
            if let result = try running.multi.advance() { return result }
            if let left = transfer.restLeft {
                activity.leaveOut(try rest(atMost: left, running))
                continue
            }
            if transfer.hasRested {
                // libcurl may call back at once with what it has kept, and another rest begin.
                transfer.endRest()
                let result = running.easy.goOn()
                guard result == CURLE_OK else { return result }
            }
            let info = running.easy.info
            let sight = Activity.Sight(
                isConnected: info.isConnected,
                progress: info.progress,
                hasHead: transfer.response != nil,
                bodyBytes: transfer.bodyBytes,
                sinkTime: transfer.sinkTime
            )
            switch activity.judge(sight, at: .now) {
            case .rest(let rest): try running.multi.wait(atMost: rest)
            case .tooLong(let why): throw WebError(.timedOut, "\(origin): \(why)", isRetriable: true)
            }
        }
    }

    /// Rests for a limit of the bandwidth, until somebody wakes the handle, or a time limit of libcurl is over.
    ///
    /// - Returns: for how long.
    private func rest(atMost time: Duration, _ running: borrowing RunningExchange) throws(WebError) -> Duration {
        let start = SuspendingClock.now
        try running.easy.pause()
        try running.multi.wait(atMost: time)
        return .now - start
    }

    private func checkCancellation(_ origin: String) throws(WebError) {
        guard cancellation.withLock({ $0.isWanted }) else { return }
        throw WebError(.cancelled, "\(origin): the exchange was cancelled", isRetriable: true)
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
