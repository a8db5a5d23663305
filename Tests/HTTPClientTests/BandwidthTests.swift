import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient

@Suite("A limit of bandwidth", .timeLimit(.minutes(5)))
struct BandwidthTests {
    private final class Time: Sendable {
        private let state = Mutex((start: ContinuousClock.now, passed: Duration.zero))
        /// By how much a look at the clock puts it forward.
        private let step: Duration

        init(step: Duration = .zero) { self.step = step }

        var passed: Duration { state.withLock(\.passed) }

        func now() -> ContinuousClock.Instant {
            state.withLock { state in
                state.passed += step
                return state.start + state.passed
            }
        }

        func pass(_ duration: Duration) { state.withLock { $0.passed += duration } }
    }

    @Test("lets no more bytes go than it says, in any time, but for one short burst")
    func rate() {
        let time = Time()
        let bandwidth = Bandwidth(bytesPerSecond: 1_000_000, clock: time.now)
        var sent: Int64 = 0
        for number in 0..<2000 {
            let bytes = Int64(number * 7919 % 60_000) + 1
            let until = bandwidth.note(bytes)
            sent += bytes
            // Whoever rests as told; at times the network or the disk takes longer.
            let now = time.now()
            if until > now { time.pass(until - now) }
            if number.isMultiple(of: 97) { time.pass(.seconds(3)) }
            let most = (time.passed + Bandwidth.burst * (number / 97 + 2)) / .seconds(1) * 1_000_000
            #expect(Double(sent) <= most + 60_000)
        }
        #expect(Double(sent) >= (time.passed - .seconds(3 * 21)) / .seconds(1) * 1_000_000 - 1)
    }

    @Test("is shared by turns: of several that go side by side, each waits behind those that were told before")
    func turns() {
        let time = Time()
        let bandwidth = Bandwidth(bytesPerSecond: 1000, clock: time.now)
        _ = bandwidth.note(250)
        let ends = (0..<4).map { _ in bandwidth.note(1000) }
        let start = time.now()
        #expect(ends.map { ($0 - start) / .seconds(1) } == [1, 2, 3, 4])
    }

    /// Sends back what it gets, and says how much it has got.
    private static func server(_ got: @escaping @Sendable (Int) -> Void = { _ in }) throws -> LoopbackServer {
        try LoopbackServer(isParallel: true) { connection in
            let (_, body) = try connection.request()
            got(body.count)
            try connection.write(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
        }
    }

    @Test("holds for all exchanges together, each way by itself")
    func exchanges() async throws {
        let server = try Self.server()
        defer { server.stop() }
        // A look at the clock is a step of time, so time is what was looked at. To note all pieces takes 0.2 s of it.
        let (sending, receiving) = (Time(step: .milliseconds(1)), Time(step: .milliseconds(1)))
        let limits = WebLimits(
            receiving: Bandwidth(bytesPerSecond: 4_000_000, clock: receiving.now),
            sending: Bandwidth(bytesPerSecond: 4_000_000, clock: sending.now)
        )
        let client = WebClient(limits: limits)
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let sink = TestSink()
                    _ = try await client.send(WebRequest(.put, server.url(), body: .bytes(body)), into: sink)
                    return sink.bytes == body
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
        #expect(sending.passed >= .milliseconds(750) - Bandwidth.burst)
        #expect(receiving.passed >= .milliseconds(750) - Bandwidth.burst)
    }

    @Test("is no silence and no trickle: an exchange that rests is not too slow", arguments: [true, false])
    func limits(isSending: Bool) async throws {
        let server = try Self.server()
        defer { server.stop() }
        // More than a second for each piece.
        let slow = Bandwidth(bytesPerSecond: 14_000)
        let limits = isSending ? WebLimits(sending: slow) : WebLimits(receiving: slow)
        let timeouts = WebTimeouts(
            idle: .milliseconds(500),
            rate: WebRate(bytes: 10_000, period: .milliseconds(500))
        )
        let body = [UInt8](repeating: 7, count: 40_000)
        let sink = TestSink()
        _ = try await WebClient(limits: limits).send(
            WebRequest(.put, server.url(), body: .bytes(body), timeouts: timeouts),
            into: sink
        )
        #expect(sink.bytes == body && slow.notedBytes == 40_000)
    }

    @Test("holds for many small answers, too")
    func smallAnswers() async throws {
        let server = try Self.server()
        defer { server.stop() }
        // A tenth of a second for each.
        let limit = Bandwidth(bytesPerSecond: 160_000)
        let client = WebClient(limits: WebLimits(receiving: limit))
        let body = [UInt8](repeating: 7, count: 16_000)
        for _ in 0..<6 {
            let sink = TestSink()
            _ = try await client.send(WebRequest(.put, server.url(), body: .bytes(body)), into: sink)
            #expect(sink.bytes == body && limit.note(0) <= limit.now)
        }
    }

    /// Answers with so many pieces of 1,000 bytes, which arrive together.
    private static func pieces(_ count: Int) throws -> LoopbackServer {
        try LoopbackServer { connection in
            _ = try connection.request()
            let piece = "3e8\r\n" + String(repeating: "x", count: 1000) + "\r\n"
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            try connection.write(head + String(repeating: piece, count: count) + "0\r\n\r\n")
        }
    }

    @Test("loses nothing of what has come when the rest begins, nor the sink's refusal of it")
    func keptBytes() async throws {
        let server = try Self.pieces(40)
        defer { server.stop() }
        let client = WebClient(limits: WebLimits(receiving: Bandwidth(bytesPerSecond: 20_000)))
        let sink = TestSink()
        _ = try await client.send(WebRequest(.get, server.url()), into: sink)
        #expect(sink.bytes == [UInt8](repeating: UInt8(ascii: "x"), count: 40_000))
        let error = await #expect(throws: WebError.self) {
            _ = try await client.send(WebRequest(.get, server.url()), into: TestSink(maximumBytes: 12_000))
        }
        #expect(error?.code == .refusedBySink)
    }

    @Test("does not count against the limit of silence, but ends with the time for everything")
    func total() async throws {
        let server = try Self.pieces(40)
        defer { server.stop() }
        // All of it would take hours.
        let client = WebClient(limits: WebLimits(receiving: Bandwidth(bytesPerSecond: 1)))
        let timeouts = WebTimeouts(idle: .milliseconds(100), total: .milliseconds(500))
        let error = await #expect(throws: WebError.self) {
            _ = try await client.send(WebRequest(.get, server.url(), timeouts: timeouts), into: TestSink())
        }
        #expect(error?.code == .timedOut && error?.curlCode == 28)
    }

    @Test("ends at once when its task is cancelled")
    func cancellation() async throws {
        let got = Mutex(0)
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try LoopbackServer { connection in
            while true {
                let count = try connection.read().count
                if count == 0 { return }
                got.withLock { $0 += count }
                arrival.yield()
            }
        }
        defer { server.stop() }
        // All of it would take most of a day.
        let client = WebClient(limits: WebLimits(sending: Bandwidth(bytesPerSecond: 100)))
        let task = Task {
            do throws(WebError) {
                _ = try await client.send(
                    WebRequest(.put, server.url(), body: .bytes([UInt8](repeating: 1, count: 8_000_000))),
                    into: TestSink()
                )
                return nil as WebError.Code?
            } catch { return error.code }
        }
        for await _ in arrived { break }
        task.cancel()
        #expect(await task.value == .cancelled)
        // A piece, the header, and no more.
        #expect(got.withLock { $0 } < 100_000)
    }
}
