internal import HTTPClient
internal import Synchronization

/// Gives the body of a response that has succeeded to a sink, and keeps the beginning of any other. More of that is not
/// waited for.
final class S3ResponseFilter: WebResponseSink {
    private struct Refusal {
        var response: WebResponse
        var bytes: [UInt8] = []
        let since = ContinuousClock.now
    }

    /// The beginning of an error's document is enough.
    private struct Enough: Error {}

    private let sink: any WebResponseSink
    private let maximumErrorBytes: Int
    private let maximumErrorTime: Duration
    private let state = Mutex<Refusal?>(nil)

    init(_ sink: any WebResponseSink, maximumErrorBytes: Int, maximumErrorTime: Duration) {
        self.sink = sink
        self.maximumErrorBytes = maximumErrorBytes
        self.maximumErrorTime = maximumErrorTime
    }

    /// The response of a request that was not fulfilled; nil as long as there is none.
    var refusal: WebResponse? { state.withLock { $0?.response } }

    var errorBytes: [UInt8] { state.withLock { $0?.bytes ?? [] } }

    func begin(_ response: WebResponse) throws {
        if (200..<300).contains(response.status) { return try sink.begin(response) }
        state.withLock { $0 = Refusal(response: response) }
    }

    func receive(_ bytes: RawSpan) throws {
        let isError = try state.withLock { refusal in
            guard let kept = refusal?.bytes.count, let since = refusal?.since else { return false }
            bytes.withUnsafeBytes { refusal?.bytes.append(contentsOf: $0.prefix(maximumErrorBytes - kept)) }
            if kept + bytes.byteCount > maximumErrorBytes || .now - since > maximumErrorTime { throw Enough() }
            return true
        }
        if !isError { try sink.receive(bytes) }
    }
}

/// Collects the body of a response, whose length the request limits.
final class S3CollectingSink: WebResponseSink {
    private let collected = Mutex<[UInt8]>([])
    var bytes: [UInt8] { collected.withLock { $0 } }

    func begin(_ response: WebResponse) { collected.withLock { $0 = [] } }
    func receive(_ bytes: RawSpan) {
        collected.withLock { all in bytes.withUnsafeBytes { all.append(contentsOf: $0) } }
    }
}
