internal import HTTPClient
internal import Synchronization

/// Decides about a response, and takes its body. Called on the exchange's thread.
protocol HTTPTaker: Sendable {
    /// - Returns: whether it takes the body. If not, the response is a refusal.
    /// - Throws: ``HTTPReceiver/Enough`` when the head is all it wants; another error ends the exchange with it.
    func begin(_ response: WebResponse) throws -> Bool

    func receive(_ bytes: UnsafeRawBufferPointer) throws
}

/// Gives one response to a taker, or keeps it as a refusal.
final class HTTPReceiver: WebResponseSink {
    /// Ends an exchange of which no more is needed.
    struct Enough: Error {}

    private struct State {
        var response: WebResponse?
        var isTaken = false
        var body: [UInt8] = []
    }

    private let taker: any HTTPTaker
    private let state = Mutex(State())

    init(_ taker: any HTTPTaker) { self.taker = taker }

    /// nil before there is one.
    var response: WebResponse? { state.withLock(\.response) }

    /// nil when the taker has taken the response.
    var refusal: HTTPRefusal? {
        state.withLock { state in
            guard let response = state.response, !state.isTaken else { return nil }
            return HTTPRefusal(response: response, body: state.body)
        }
    }

    func begin(_ response: WebResponse) throws {
        let isTaken: Bool
        do {
            isTaken = try taker.begin(response)
        } catch {
            state.withLock { ($0.response, $0.isTaken) = (response, true) }
            throw error
        }
        state.withLock { ($0.response, $0.isTaken) = (response, isTaken) }
    }

    func receive(_ bytes: RawSpan) throws {
        guard state.withLock({ !$0.isTaken }) else { return try bytes.withUnsafeBytes { try taker.receive($0) } }
        let isFull = state.withLock { state in
            bytes.withUnsafeBytes { bytes in
                state.body += bytes.prefix(HTTPRefusal.maximumBytes - state.body.count)
            }
            return state.body.count >= HTTPRefusal.maximumBytes
        }
        if isFull { throw Enough() }
    }
}

/// Wants the head of a source alone.
final class HTTPLook: HTTPTaker {
    private let fetch: HTTPFetch
    private let found = Mutex<SourceFacts?>(nil)
    var facts: SourceFacts? { found.withLock { $0 } }

    init(_ fetch: HTTPFetch) { self.fetch = fetch }

    func begin(_ response: WebResponse) throws -> Bool {
        guard response.status == 200 || response.status == 206 else { return false }
        let head = try fetch.head(response)
        found.withLock { $0 = head.facts }
        throw HTTPReceiver.Enough()
    }

    func receive(_ bytes: UnsafeRawBufferPointer) {}
}
