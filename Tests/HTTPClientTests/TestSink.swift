import HTTPClient
import Synchronization

/// Keeps a response, or refuses it.
final class TestSink: WebResponseSink {
    struct Refusal: Error, Equatable {
        var reason: String
    }

    private let state = Mutex(State())
    private let refusesStatus: Int?
    private let maximumBytes: Int

    private struct State {
        var responses: [WebResponse] = []
        var bytes: [UInt8] = []
    }

    init(refusesStatus: Int? = nil, maximumBytes: Int = .max) {
        self.refusesStatus = refusesStatus
        self.maximumBytes = maximumBytes
    }

    /// The answers that ``begin(_:)`` was called with.
    var responses: [WebResponse] { state.withLock(\.responses) }
    var bytes: [UInt8] { state.withLock(\.bytes) }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func begin(_ response: WebResponse) throws {
        state.withLock { $0.responses.append(response) }
        if response.status == refusesStatus { throw Refusal(reason: "status \(response.status)") }
    }

    func receive(_ bytes: RawSpan) throws {
        let count = state.withLock { state in
            bytes.withUnsafeBytes { state.bytes.append(contentsOf: $0) }
            return state.bytes.count
        }
        if count > maximumBytes { throw Refusal(reason: "full") }
    }
}

/// The error of an exchange that must fail.
func failure(
    of request: WebRequest,
    _ client: WebClient = WebClient(),
    into sink: TestSink = TestSink()
) async -> WebError? {
    do throws(WebError) {
        _ = try await client.send(request, into: sink)
        return nil
    } catch { return error }
}
