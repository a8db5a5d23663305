internal import HTTPClient
internal import Synchronization

/// The rest of a source of a known version and size, by several ranges at a time, each on a connection of its own.
struct HTTPRangesRun: Sendable {
    /// The host does not want to be read in this way. What has been written is good.
    struct Unwilling: Error {}

    let fetch: HTTPFetch
    let url: HTTPURL
    let validator: HTTPValidator
    let sizeBytes: Int64
    let delivery: Delivery
    let deadline: ContinuousClock.Instant?

    private static let maximumVainTries = 3

    /// - Throws: ``Unwilling``, ``StorageError``, `CancellationError`, or what the sink threw.
    func run() async throws {
        let window = RangeWindow(from: delivery.totalBytes, to: sizeBytes, fetch.ranges) { [delivery] bytes in
            try delivery.write(bytes)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            func begin() {
                while let range = window.next() { group.addTask { try await read(range, into: window) } }
            }
            begin()
            while try await group.next() != nil { begin() }
        }
    }

    private func read(_ range: RangeWindow.Range, into window: RangeWindow) async throws {
        let taker = HTTPRangeTaker(range, self, window)
        var vainTries = 0
        while taker.position < range.end {
            let before = taker.position
            var headers = WebHeaders()
            headers.add("Range", "bytes=\(before)-\(range.end - 1)")
            headers.add(validator.condition(usesIfMatch: fetch.dialect.usesIfMatch))
            let rest = deadline.map { $0 - .now }
            // The one stream says what is wrong, be it the time, an answer or the host.
            if let rest, rest <= .zero { throw Unwilling() }
            switch try await fetch.exchange(url, headers, within: rest, isExtra: true, taker) {
            case .refused: throw Unwilling()
            case .taken where taker.position >= range.end: continue
            case .taken, .interrupted: break
            }
            vainTries = taker.position > before ? 0 : vainTries + 1
            if vainTries >= Self.maximumVainTries { throw Unwilling() }
            try await Task.sleep(for: .milliseconds(50 << vainTries))
        }
        try window.finish(range)
    }

    /// - Throws: for an answer that is not the rest of a range of this version.
    func check(_ response: WebResponse, from position: Int64, to end: Int64) throws {
        guard response.status == 206 else { throw Unwilling() }
        let head = try fetch.head(response)
        guard head.validator == validator, head.sizeBytes ?? sizeBytes == sizeBytes else { throw fetch.changed }
        guard head.start == position, let count = head.bodyBytes, count <= end - position else { throw Unwilling() }
    }
}

/// Takes the answers of one range.
private final class HTTPRangeTaker: HTTPTaker {
    private let range: RangeWindow.Range
    private let run: HTTPRangesRun
    private let window: RangeWindow
    /// The byte that comes next.
    private let place: Atomic<Int64>

    var position: Int64 { place.load(ordering: .relaxed) }

    init(_ range: RangeWindow.Range, _ run: HTTPRangesRun, _ window: RangeWindow) {
        self.range = range
        self.run = run
        self.window = window
        place = Atomic(range.start)
    }

    func begin(_ response: WebResponse) throws -> Bool {
        guard response.status == 200 || response.status == 206 else { return false }
        try run.check(response, from: position, to: range.end)
        return true
    }

    func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard Int64(bytes.count) <= range.end - position else { throw HTTPRangesRun.Unwilling() }
        try window.receive(bytes, of: range)
        place.add(Int64(bytes.count), ordering: .relaxed)
    }
}
