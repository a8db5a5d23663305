import JobModel
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

    @Test("is told by name and port alone, with when it began, until it answers")
    func told() throws {
        let watch = HostWatch(now: { [clock] in clock.now.withLock { $0 } })
        let urls = [
            ("https://User.Example/a?X-Amz-Signature=hunter2", "user.example:443"),
            ("http://[2001:DB8::1]:8080/hunter2", "[2001:db8::1]:8080"),
        ]
        let before = UTCTime.now.secondsSince1970
        for (url, _) in urls { watch.note(try HTTPURL(url), away) }
        #expect(Set(watch.absences.map(\.host)) == Set(urls.map(\.1)))
        #expect(watch.absences.allSatisfy { $0.isResting && $0.jobs == 0 && (before...before + 60).contains($0.since) })
        #expect(watch.absences.allSatisfy { $0.cause == "it says that it has no time" })
        let since = watch.absences.map(\.since)
        clock.pass(.seconds(6))
        #expect(watch.absences.allSatisfy { !$0.isResting })
        watch.note(try HTTPURL(urls[0].0), away)
        #expect(watch.absences.map(\.since).sorted() == since.sorted())
        watch.note(try HTTPURL(urls[0].0), nil)
        #expect(watch.absences.map(\.host) == [urls[1].1])
    }

    @Test("is the same by the URL of a source and by the endpoint of a store")
    func oneHost() throws {
        for (endpoint, host) in [
            ("http://127.0.0.1:9000", "127.0.0.1:9000"), ("https://store.example", "store.example:443"),
            ("https://Store.Example:443/base", "store.example:443"), ("http://[::1]", "[::1]:80"),
        ] {
            let own = try #require(S3Endpoint(url: endpoint, region: "r", style: .path))
            #expect(own.server(of: "bucket").description == host)
            #expect(RemoteHost(try HTTPURL(endpoint)).description == host)
        }
        let amazon = S3Endpoint.amazon(region: "eu-west-1", style: .virtual)
        #expect(amazon.server(of: "bucket").description == "bucket.s3.eu-west-1.amazonaws.com:443")
    }
}
