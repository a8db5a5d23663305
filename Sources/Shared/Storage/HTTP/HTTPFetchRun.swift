internal import HTTPClient
internal import Synchronization

/// One fetch, over as many connections as it takes.
final class HTTPFetchRun: HTTPTaker {
    private struct State {
        /// The sink knows where the bytes begin.
        var hasBegun = false
        /// That of the version that the sink gets.
        var validator: HTTPValidator?
        var sizeBytes: Int64?
        /// Bytes that are there of an earlier fetch, as long as they may be of use.
        var progress: FetchRequest.Progress?
    }

    /// The server has not what the earlier fetch had, or cannot give the rest of it.
    private struct BeginAnew: Error {}

    private let fetch: HTTPFetch
    private let url: HTTPURL
    private let delivery: Delivery
    /// Whether the request has bytes of an earlier fetch, of use or not.
    private let hadProgress: Bool
    private let state: Mutex<State>

    /// Connections without so many new bytes count as vain.
    private static let worthwhileBytes: Int64 = 16 << 10
    private static let maximumVainTries = 3
    private static let maximumConnections = 1000

    init(_ fetch: HTTPFetch, _ url: HTTPURL, _ request: FetchRequest, _ delivery: Delivery) {
        self.fetch = fetch
        self.url = url
        self.delivery = delivery
        hadProgress = request.progress != nil
        state = Mutex(State(progress: request.progress.flatMap { $0.bytes > 0 ? $0 : nil }))
    }

    func run() async throws -> Int64 {
        let deadline = fetch.times.total.map { ContinuousClock.now + $0 }
        var vainTries = 0
        for _ in 0..<Self.maximumConnections {
            let before = delivery.totalBytes
            let rest = deadline.map { $0 - .now }
            if let rest, rest <= .zero { throw interruption("SOURCE_TOTAL_SECONDS are over") }
            guard let trouble = try await connect(within: rest) else { return delivery.totalBytes }
            guard state.withLock({ $0.hasBegun }) else { continue }
            let isWorthwhile = delivery.totalBytes - before >= Self.worthwhileBytes && !trouble.isSlow
            vainTries = isWorthwhile ? 0 : vainTries + 1
            if vainTries >= Self.maximumVainTries { throw trouble.error }
            try await Task.sleep(for: vainTries == 0 ? .milliseconds(50) : .milliseconds(250 << vainTries))
        }
        throw interruption("the connection dropped \(Self.maximumConnections) times")
    }

    /// Why a connection did not bring the source to its end.
    private struct Trouble {
        var error: StorageError
        var isSlow = false
    }

    /// Asks for what is missing.
    ///
    /// - Returns: nil when the sink has all; else why not, where another connection may bring the rest.
    private func connect(within rest: Duration?) async throws -> Trouble? {
        let start = Trouble(error: interruption("it begins anew"))
        let outcome: HTTPFetch.Outcome
        do {
            outcome = try await fetch.exchange(url, headers, within: rest, self)
        } catch is BeginAnew {
            state.withLock { $0.progress = nil }
            return start
        }
        let now = state.withLock { $0 }
        switch outcome {
        case .taken(let response):
            return try await end(of: response)
        case .refused(let refusal) where refusal.response.status == 416 && now.hasBegun:
            throw changed
        case .refused(let refusal) where refusal.response.status == 416 && now.progress != nil:
            if try await hasAll() { return nil }
            state.withLock { $0.progress = nil }
            return start
        case .refused(let refusal):
            throw fetch.error(of: refusal, url)
        case .interrupted(let error, let isSlow):
            guard now.hasBegun else { throw error }
            let trouble = Trouble(error: interruption(error.message), isSlow: isSlow)
            // Nothing would tell that the rest is of the same version.
            guard now.validator != nil else { throw trouble.error }
            return trouble
        }
    }

    private var headers: WebHeaders {
        let now = state.withLock { $0 }
        var headers = WebHeaders()
        func ask(from start: Int64, _ validator: HTTPValidator) {
            headers.add("Range", "bytes=\(start)-")
            headers.add(.init(name: Array("If-Range".utf8), value: validator.value))
        }
        if now.hasBegun {
            if let validator = now.validator, delivery.totalBytes > 0 { ask(from: delivery.totalBytes, validator) }
        } else if let progress = now.progress {
            ask(from: progress.bytes, HTTPValidator(progress.validator))
        }
        return headers
    }

    // MARK: - Responses

    func begin(_ response: WebResponse) throws -> Bool {
        guard response.status == 200 || response.status == 206 else { return false }
        let head = try HTTPHead(response, fetch.subject)
        let now = state.withLock { $0 }
        if now.hasBegun {
            try goOn(head, now)
        } else if response.status == 206 {
            guard let progress = now.progress else {
                throw StorageError(
                    code: .badResponse,
                    message: "\(fetch.subject) comes as a part (206) that was not asked for; see its host"
                )
            }
            guard head.start == progress.bytes, head.validator?.source == progress.validator else { throw BeginAnew() }
            try begin(head.facts, head)
        } else {
            var facts = head.facts
            // All of it comes, whatever is there of it already.
            if hadProgress { facts.hasRanges = false }
            try begin(facts, head)
        }
        return true
    }

    private func begin(_ facts: SourceFacts, _ head: HTTPHead) throws {
        _ = try delivery.begin(facts)
        state.withLock { state in
            (state.hasBegun, state.validator, state.sizeBytes) = (true, head.validator, head.sizeBytes)
        }
    }

    /// Looks whether the response has the rest of what the sink has.
    private func goOn(_ head: HTTPHead, _ now: State) throws(StorageError) {
        guard head.validator == now.validator, now.validator != nil else { throw changed }
        if let size = head.sizeBytes, let known = now.sizeBytes, size != known { throw changed }
        guard head.start == delivery.totalBytes else {
            throw interruption("its host cannot give the rest alone, so the next attempt begins anew")
        }
        if now.sizeBytes == nil { state.withLock { $0.sizeBytes = head.sizeBytes } }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        if let size = state.withLock({ $0.sizeBytes }), size - delivery.totalBytes < Int64(bytes.count) {
            throw StorageError(
                code: .badResponse,
                message: "\(fetch.subject) has more than the \(size) bytes that its host tells; see its host"
            )
        }
        try delivery.write(bytes)
    }

    // MARK: - Ends

    /// The response is over by what its head says. Without a length, the end of the connection may be one before the
    /// source's.
    private func end(of response: WebResponse) async throws -> Trouble? {
        let now = state.withLock { $0 }
        if now.sizeBytes == nil, response.headers["Transfer-Encoding"] == nil {
            let facts: SourceFacts
            do {
                facts = try await fetch.probe(url)
            } catch is StorageError {
                // Nobody tells more of the size than the end of the connection.
                return nil
            }
            guard let size = facts.sizeBytes, size != delivery.totalBytes else { return nil }
            if facts.validator != now.validator?.source { throw changed }
            state.withLock { $0.sizeBytes = size }
        } else if now.sizeBytes ?? delivery.totalBytes == delivery.totalBytes {
            return nil
        }
        let trouble = Trouble(error: interruption("the rest did not come"))
        guard now.validator != nil else { throw trouble.error }
        return trouble
    }

    /// Whether an earlier fetch has got all, and the source is the same still. Tells the sink then.
    private func hasAll() async throws -> Bool {
        guard let progress = state.withLock({ $0.progress }) else { return false }
        let facts = try await fetch.probe(url)
        guard facts.hasRanges, facts.validator == progress.validator, facts.sizeBytes == progress.bytes else {
            return false
        }
        return try delivery.begin(facts) == progress.bytes
    }

    private func interruption(_ why: String) -> StorageError {
        fetch.interruption(after: delivery.totalBytes, of: state.withLock { $0.sizeBytes }, why)
    }

    private var changed: StorageError {
        StorageError(
            code: .changed,
            message: "\(fetch.subject) was changed while it was read; the next attempt begins anew",
            verdict: .transient
        )
    }
}
