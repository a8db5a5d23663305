import HTTPClient
import JobModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite("An S3 store that is away", .timeLimit(.minutes(5)))
struct S3AwayTests {
    private final class Clock: Sendable {
        let now = Mutex(ContinuousClock.now)
        func pass(_ time: Duration) { now.withLock { $0 += time } }
    }

    @Test("is left alone by every operation, and asked again when its time is over; only a trial asks all the same")
    func breaker() async throws {
        let isBack = Mutex(false)
        let server = try ScriptedStore { _, _ in
            isBack.withLock { $0 }
                ? ScriptedStore.response(200, ["ETag": "\"e\""])
                : ScriptedStore.failure(503, "SlowDown", ["Retry-After": "17"])
        }
        defer { server.stop() }
        let clock = Clock()
        let watch = HostWatch(now: { clock.now.withLock { $0 } })
        let store = try server.store(server.client(hosts: watch))
        let key = try ObjectKey("k")
        func errors() async -> [StorageError?] {
            await [
                storageError { _ = try await store.facts(key) }, storageError { _ = try await store.delete(key) },
                storageError { _ = try await store.source(key).probe() },
                storageError {
                    _ = try await store.source(key).fetch(FetchRequest(limitBytes: .max), into: ByteCollector())
                },
                storageError { _ = try await store.put(NewObject(path: "/etc/passwd", key: key)) { _ in } },
            ]
        }
        for error in await errors() {
            #expect(error?.code == .storeUnavailable && error?.verdict == .transient, "\(error as Any)")
            #expect(error?.away?.host?.description == "127.0.0.1:\(server.port)")
            #expect(error?.retryAfter.map { $0 > .seconds(16) && $0 <= .seconds(17) } == true)
        }
        // The one that found it out, which HEAD does by asking twice.
        #expect(server.requests.count == 2)
        #expect(watch.absences.map(\.host) == ["127.0.0.1:\(server.port)"])
        _ = await storageError { try await store.tryUpload() }
        #expect(server.requests.count == 3)
        clock.pass(.seconds(18))
        isBack.withLock { $0 = true }
        #expect(try await store.facts(key) != nil)
        #expect(watch.absences.isEmpty)
        #expect(server.requests.count == 4)
    }

    @Test("is one that cannot be connected to, falls silent, or speaks for itself; never one that refuses an object")
    func causes() async throws {
        let refused = S3Client(
            S3Endpoint(scheme: "http", host: "127.0.0.1:\(try FreePort.find())", region: "r", style: .path),
            credentials: S3FixedCredentials(credentials: .init(accessKeyID: "a", secretAccessKey: "b"))
        )
        let error = await storageError {
            try await refused.failing("look at", "bucket", nil) { _ = try await refused.head("bucket", ObjectKey("k")) }
        }
        #expect(error?.away?.cause == .connection && error?.verdict == .transient)
        let server = try ScriptedStore { _, _ in nil }
        defer { server.stop() }
        var request = S3Request(.get, "x", bucket: "bucket")
        request.timeouts.idle = .milliseconds(200)
        let silent = await #expect(throws: S3Failure.self) { try await server.client().send(request) }
        #expect(silent?.awayCause == .silence)
        for (status, code, isAway) in [
            (503, "", true), (503, "SlowDown", true), (429, "", true), (502, "", true), (504, "", true),
            (200, "SlowDown", true), (500, "InternalError", false), (404, "NoSuchKey", false), (403, "", false),
            (400, "RequestTimeout", false),
        ] {
            var failure = S3Failure()
            (failure.status, failure.code) = (status, code)
            #expect((failure.awayCause != nil) == isAway, "\(status) \(code)")
        }
    }
}
