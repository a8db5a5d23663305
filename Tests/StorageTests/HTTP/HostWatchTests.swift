import Synchronization
import Testing

@testable import Storage

@Suite("A host that is away")
struct HostWatchTests {
    private final class Clock: Sendable {
        let now = Mutex(ContinuousClock.now)
        func pass(_ time: Duration) { now.withLock { $0 += time } }
    }

    private let clock = Clock()
    private let away = StorageError(code: .unavailable, message: "503", verdict: .transient, isHostAway: true)

    private func rest(_ watch: HostWatch, _ url: String) throws -> Duration? {
        do throws(StorageError) {
            try watch.check(try HTTPURL(url), "the source")
            return nil
        } catch {
            #expect(error.verdict == .transient && error.isHostAway && error.code == .unavailable)
            return error.retryAfter
        }
    }

    @Test("is left alone for a while, longer each time, and asked again when it has answered")
    func pauses() throws {
        let watch = HostWatch(now: { [clock] in clock.now.withLock { $0 } })
        let url = "https://host.example/a"
        #expect(try rest(watch, url) == nil)
        for seconds in [5, 10, 20, 40, 60, 60] {
            watch.note(try HTTPURL(url), away)
            #expect(try rest(watch, "https://host.example/other?x") == .seconds(seconds))
            clock.pass(.seconds(seconds - 1))
            #expect(try rest(watch, url) == .seconds(1))
            clock.pass(.seconds(1))
            #expect(try rest(watch, url) == nil)
        }
        watch.note(try HTTPURL(url), nil)
        watch.note(try HTTPURL(url), away)
        #expect(try rest(watch, url) == .seconds(5))
        watch.note(try HTTPURL(url), StorageError(code: .notFound, message: "404", verdict: .sourceGone))
        #expect(try rest(watch, url) == nil)
    }

    @Test("is left alone for as long as it says; others are not")
    func retryAfter() throws {
        let watch = HostWatch(now: { [clock] in clock.now.withLock { $0 } })
        var error = away
        error.retryAfter = .seconds(600)
        watch.note(try HTTPURL("https://host.example/a"), error)
        #expect(try rest(watch, "https://host.example/a") == .seconds(600))
        for other in ["https://host.example:8443/a", "https://other.example/a", "https://www.host.example/a"] {
            #expect(try rest(watch, other) == nil)
        }
    }

    @Test("is one of a bounded number that are remembered")
    func bounded() throws {
        let watch = HostWatch(now: { [clock] in clock.now.withLock { $0 } })
        for number in 0..<1001 { watch.note(try HTTPURL("https://h\(number).example/"), away) }
        #expect(try rest(watch, "https://h999.example/") != nil)
        #expect(try rest(watch, "https://h1000.example/") == nil)
        clock.pass(.seconds(6))
        watch.note(try HTTPURL("https://h1000.example/"), away)
        #expect(try rest(watch, "https://h1000.example/") != nil)
    }
}
