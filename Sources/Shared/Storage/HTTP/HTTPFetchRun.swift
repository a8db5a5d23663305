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
        /// Whether several ranges may be read at a time, as far as is known.
        var mayRunAhead: Bool
        /// Whether the host was asked for ranges though nothing had dropped: then it need not be able to give them.
        var hasRunAhead = false
        /// Bytes of the present answer that are there already.
        var surplusBytes: Int64 = 0
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
    /// A host that asks for more is left alone by the whole job.
    private static let longestPause = Duration.seconds(5)

    init(_ fetch: HTTPFetch, _ url: HTTPURL, _ request: FetchRequest, _ delivery: Delivery) {
        self.fetch = fetch
        self.url = url
        self.delivery = delivery
        hadProgress = request.progress != nil
        let progress = request.progress.flatMap { $0.bytes > 0 ? $0 : nil }
        state = Mutex(State(mayRunAhead: fetch.ranges.count > 1, progress: progress))
    }

    func run() async throws -> Int64 {
        let deadline = fetch.times.total.map { ContinuousClock.now + $0 }
        var vainTries = 0
        for _ in 0..<Self.maximumConnections {
            let before = delivery.totalBytes
            let rest = deadline.map { $0 - .now }
            if let rest, rest <= .zero { throw interruption("SOURCE_TOTAL_SECONDS are over") }
            if try await runAhead(until: deadline) { return delivery.totalBytes }
            guard let trouble = try await connect(within: rest) else { return delivery.totalBytes }
            if trouble.isNone { continue }
            let isWorthwhile = delivery.totalBytes - before >= Self.worthwhileBytes && !trouble.isSlow
            vainTries = isWorthwhile ? 0 : vainTries + 1
            if vainTries >= Self.maximumVainTries { throw trouble.error }
            let pause: Duration = vainTries == 0 ? .milliseconds(50) : .milliseconds(250 << vainTries)
            try await Task.sleep(for: max(pause, trouble.error.retryAfter ?? .zero))
        }
        throw interruption("the connection dropped \(Self.maximumConnections) times")
    }

    /// Why a connection did not bring the source to its end.
    private struct Trouble {
        var error: StorageError
        var isSlow = false
        /// The next connection was planned.
        var isNone = false
    }

    /// Reads all that is missing by several ranges at a time, where that is worth it and the host lets us.
    ///
    /// - Returns: false when a single connection has to bring what is missing still.
    private func runAhead(until deadline: ContinuousClock.Instant?) async throws -> Bool {
        let now = state.withLock { $0 }
        guard now.mayRunAhead, now.hasBegun else { return false }
        // From now on there is one stream, unless all goes well.
        state.withLock { ($0.mayRunAhead, $0.hasRunAhead) = (false, true) }
        guard let validator = now.validator, let size = now.sizeBytes, size >= fetch.ranges.minimumBytes,
            size - delivery.totalBytes > fetch.ranges.rangeBytes
        else { return false }
        do {
            try await HTTPRangesRun(
                fetch: fetch,
                url: url,
                validator: validator,
                sizeBytes: size,
                delivery: delivery,
                deadline: deadline
            ).run()
        } catch is HTTPRangesRun.Unwilling {
            return false
        }
        return delivery.totalBytes == size
    }

    /// Asks for what is missing.
    ///
    /// - Returns: nil when the sink has all; else why not, where another connection may bring the rest.
    private func connect(within rest: Duration?) async throws -> Trouble? {
        let start = Trouble(error: interruption("it begins anew"), isNone: true)
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
        case .refused(let refusal) where refusal.response.status == 416 && now.hasBegun && now.sizeBytes == nil:
            let range = refusal.response.headers["Content-Range"].flatMap { HTTPContentRange($0) }
            guard range?.total == delivery.totalBytes else { throw fetch.changed }
            return nil
        case .refused(let refusal) where [412, 416].contains(refusal.response.status) && now.hasBegun:
            throw fetch.changed
        case .refused(let refusal) where refusal.response.status == 412 && now.progress != nil:
            state.withLock { $0.progress = nil }
            return start
        case .refused(let refusal) where refusal.response.status == 416 && now.progress != nil:
            if try await hasAll() { return nil }
            state.withLock { $0.progress = nil }
            return start
        case .refused(let refusal) where refusal.response.status == 416 && now.mayRunAhead:
            // Of an empty source there is no range.
            state.withLock { $0.mayRunAhead = false }
            return start
        case .refused(let refusal):
            let error = fetch.error(of: refusal, url)
            let isShort = error.isRetriable && error.retryAfter ?? .zero <= Self.longestPause
            guard fetch.dialect.triesAgain, isShort else { throw error }
            return Trouble(error: error)
        case .interrupted(let error, let isSlow):
            guard now.hasBegun else {
                guard fetch.dialect.triesAgain, error.isRetriable, !isSlow else { throw error }
                return Trouble(error: error)
            }
            var trouble = Trouble(error: interruption(error.message), isSlow: isSlow)
            trouble.error.away = error.away
            // Nothing would tell that the rest is of the same version.
            guard now.validator != nil else { throw trouble.error }
            return trouble
        }
    }

    private var headers: WebHeaders {
        let now = state.withLock { $0 }
        var headers = WebHeaders()
        func ask(from start: Int64, _ validator: HTTPValidator?) {
            // The first range tells whether there may be more of them.
            let (end, overflow) = start.addingReportingOverflow(fetch.ranges.rangeBytes - 1)
            headers.add("Range", "bytes=\(start)-" + (now.mayRunAhead && !overflow ? "\(end)" : ""))
            if let validator { headers.add(validator.condition(usesIfMatch: fetch.dialect.usesIfMatch)) }
        }
        if now.hasBegun {
            if let validator = now.validator, delivery.totalBytes > 0 { ask(from: delivery.totalBytes, validator) }
        } else if let progress = now.progress {
            ask(from: progress.bytes, HTTPValidator(progress.validator))
        } else if now.mayRunAhead {
            ask(from: 0, nil)
        }
        return headers
    }

    // MARK: - Responses

    func begin(_ response: WebResponse) throws -> Bool {
        guard response.status == 200 || response.status == 206 else { return false }
        let head = try fetch.head(response)
        let now = state.withLock { $0 }
        if now.hasBegun {
            try goOn(head, now)
        } else if response.status == 206 {
            guard let progress = now.progress else {
                guard now.mayRunAhead, head.start == 0 else {
                    throw StorageError(
                        code: .badResponse,
                        message: "\(fetch.subject) comes as a part (206) that was not asked for; see its host"
                    )
                }
                // There could be no further range of the same version.
                guard head.validator != nil || head.bodyBytes == head.sizeBytes else {
                    state.withLock { $0.mayRunAhead = false }
                    throw BeginAnew()
                }
                try beginWhole(head)
                return true
            }
            guard head.start == progress.bytes, head.validator?.source == progress.validator else { throw BeginAnew() }
            try begin(head.facts, head)
        } else {
            state.withLock { $0.mayRunAhead = false }
            try beginWhole(head)
        }
        return true
    }

    /// All of it comes, whatever is there of it already.
    private func beginWhole(_ head: HTTPHead) throws {
        var facts = head.facts
        if hadProgress { facts.hasRanges = false }
        try begin(facts, head)
    }

    private func begin(_ facts: SourceFacts, _ head: HTTPHead) throws {
        _ = try delivery.begin(facts)
        state.withLock { state in
            (state.hasBegun, state.validator, state.sizeBytes) = (true, head.validator, head.sizeBytes)
        }
    }

    /// Looks whether the response has the rest of what the sink has.
    private func goOn(_ head: HTTPHead, _ now: State) throws(StorageError) {
        guard head.validator == now.validator, now.validator != nil else { throw fetch.changed }
        if let size = head.sizeBytes, let known = now.sizeBytes, size != known { throw fetch.changed }
        let surplus = delivery.totalBytes - head.start
        guard surplus == 0 || surplus > 0 && now.hasRunAhead else {
            throw interruption("its host cannot give the rest alone, so the next attempt begins anew")
        }
        state.withLock { state in
            state.surplusBytes = surplus
            if state.sizeBytes == nil { state.sizeBytes = head.sizeBytes }
        }
    }

    func receive(_ all: UnsafeRawBufferPointer) throws {
        let surplus = state.withLock { state in
            let surplus = min(state.surplusBytes, Int64(all.count))
            state.surplusBytes -= surplus
            return Int(surplus)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: all[surplus...])
        if bytes.isEmpty { return }
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
        let isPlanned = now.mayRunAhead && response.status == 206
        if now.sizeBytes == nil, isPlanned {
            // More than was asked for may be there.
        } else if now.sizeBytes == nil, response.headers["Transfer-Encoding"] == nil {
            let facts: SourceFacts
            do {
                facts = try await fetch.probe(url)
            } catch is StorageError {
                // Nobody tells more of the size than the end of the connection.
                return nil
            }
            guard let size = facts.sizeBytes, size != delivery.totalBytes else { return nil }
            if facts.validator != now.validator?.source { throw fetch.changed }
            state.withLock { $0.sizeBytes = size }
        } else if now.sizeBytes ?? delivery.totalBytes == delivery.totalBytes {
            return nil
        }
        var trouble = Trouble(error: interruption("the rest did not come"))
        guard now.validator != nil else { throw trouble.error }
        trouble.isNone = isPlanned
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
}
