import Digests
import Foundation
import HTTPClient
import JobModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite("An object as a source", .timeLimit(.minutes(5)))
struct S3ObjectTests {
    private static let key = "a b+c/e\u{301}.jpg"
    private static let body = "0123456789"

    private static func answer(_ status: Int = 200, _ headers: [String: String] = [:], _ body: String = body) -> String
    {
        ScriptedStore.response(status, ["ETag": "\"e\""].merging(headers) { $1 }, body)
    }

    private func object(_ client: S3Client) throws -> S3Object {
        S3Object(client: client, bucket: "bucket", key: try ObjectKey(Self.key))
    }

    private func fetch(_ client: S3Client, had: String? = nil, tag: String = "\"e\"") async throws -> ByteCollector {
        let sink = ByteCollector(had: Array((had ?? "").utf8))
        let progress = had.map {
            FetchRequest.Progress(bytes: Int64($0.utf8.count), validator: SourceValidator(tag))
        }
        _ = try await object(client).fetch(FetchRequest(limitBytes: 1 << 20, progress: progress), into: sink)
        return sink
    }

    @Test("is asked for by its key, signed, and from where an earlier fetch ended only if it is the same")
    func resumption() async throws {
        let server = try ScriptedStore { _, request in
            guard let range = request.header("range") else { return Self.answer() }
            guard request.header("if-match") == "\"e\"" else {
                return ScriptedStore.failure(412, "PreconditionFailed")
            }
            #expect(range == "bytes=4-")
            return Self.answer(206, ["Content-Range": "bytes 4-9/10"], "456789")
        }
        defer { server.stop() }
        for (had, tag, start, requests) in [
            (nil, "", 0, 1), ("0123", "\"e\"", 4, 1), ("xxxx", "\"d\"", 0, 2),
        ] as [(String?, String, Int64, Int)] {
            let before = server.requests.count
            let sink = try await fetch(server.client(), had: had, tag: tag)
            #expect(sink.bytes == Array(Self.body.utf8) && sink.starts == [start])
            #expect(server.requests.count == before + requests)
        }
        for request in server.requests {
            #expect(request.line == "GET /bucket/a%20b%2Bc/e%CC%81.jpg")
            let signed = request.header("authorization") ?? ""
            #expect(signed.contains("host;") && !signed.contains("user-agent") && !signed.contains("accept-encoding"))
            #expect(signed.contains(";range;") == (request.header("range") != nil))
            #expect(request.header("accept-encoding") == "identity")
        }
    }

    @Test("is never asked for elsewhere than at its store, whatever a redirect says")
    func redirects() async throws {
        let elsewhere = try ScriptedStore { _, _ in Self.answer() }
        defer { elsewhere.stop() }
        for status in [301, 302, 307] {
            let server = try ScriptedStore { _, _ in
                ScriptedStore.failure(status, "", ["Location": "http://127.0.0.1:\(elsewhere.port)/bucket/x"])
            }
            defer { server.stop() }
            let error = await storageError { _ = try await fetch(server.client()) }
            #expect(error?.code == .wrongRegion, "\(error as Any)")
        }
        #expect(elsewhere.requests.isEmpty)
    }

    @Test("is asked for again with the right clock, and after a short trouble of its store; not for ever")
    func corrections() async throws {
        let date = "Mon, 30 Nov 2026 12:00:00 GMT"
        let skewed = try ScriptedStore { _, request in
            request.header("x-amz-date") == "20261130T120000Z"
                ? Self.answer(200, ["Date": date])
                : ScriptedStore.failure(403, "RequestTimeTooSkewed", ["Date": date])
        }
        defer { skewed.stop() }
        let ours = try #require(UTCTime(httpDate: Array("Mon, 30 Nov 2026 09:00:00 GMT".utf8)))
        #expect(try await fetch(skewed.client(now: { ours })).bytes == Array(Self.body.utf8))
        #expect(skewed.requests.count == 2)
        let hopeless = try ScriptedStore { _, _ in
            ScriptedStore.failure(403, "RequestTimeTooSkewed", ["Date": "Mon, 30 Nov 2026 12:00:00 GMT"])
        }
        defer { hopeless.stop() }
        let error = await storageError { _ = try await fetch(hopeless.client()) }
        #expect(error?.code == .clockSkew && hopeless.requests.count <= 9)
        let short = try ScriptedStore { number, _ in
            number < 2 ? ScriptedStore.failure(503, "SlowDown", ["Retry-After": "0"]) : Self.answer()
        }
        defer { short.stop() }
        let client = short.client()
        #expect(try await fetch(client).bytes == Array(Self.body.utf8))
        #expect(short.requests.count == 3 && client.hosts.absences.isEmpty)
        let long = try ScriptedStore { _, _ in ScriptedStore.failure(503, "SlowDown", ["Retry-After": "60"]) }
        defer { long.stop() }
        let overloaded = long.client()
        let away = await storageError { _ = try await fetch(overloaded) }
        #expect(away?.code == .storeUnavailable && away?.isHostAway == true && long.requests.count == 1)
        #expect(overloaded.hosts.absences.map(\.host) == ["127.0.0.1:\(long.port)"])
    }

    @Test("is told in the store's words when it is not given, and comes as it was stored")
    func answers() async throws {
        for (status, code, expected) in [
            (404, "NoSuchKey", .notFound), (404, "NoSuchBucket", .noSuchBucket), (403, "AccessDenied", .accessDenied),
        ] as [(Int, String, StorageError.Code)] {
            let server = try ScriptedStore { _, _ in ScriptedStore.failure(status, code) }
            defer { server.stop() }
            let error = await storageError { _ = try await fetch(server.client()) }
            #expect(error?.code == expected && error?.message.contains("hidden") == false)
        }
        let sum = SHA256.digest(of: Array(Self.body.utf8))
        let server = try ScriptedStore { _, request in
            #expect(request.header("x-amz-checksum-mode") == "ENABLED")
            return Self.answer(
                200,
                ["Content-Encoding": "aws-chunked", "x-amz-checksum-sha256": Data(sum).base64EncodedString()]
            )
        }
        defer { server.stop() }
        let sink = try await fetch(server.client())
        #expect(sink.bytes == Array(Self.body.utf8))
        #expect(sink.facts?.checksums == [SourceChecksum(.sha256, sum)].compactMap(\.self))
    }

    @Test("whose store goes away in its middle costs no attempt")
    func awayInTheMiddle() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let path = directory + "/object"
            try Data(S3Lab.bytes(16 << 20)).write(to: URL(filePath: path))
            try await lab.server.put(path, "\(lab.prefix)/k")
            let proxy = try RelayProxy(to: lab.server.port) { _ in nil }
            let store = try lab.store(port: proxy.port)
            let source = store.source(try ObjectKey("k"))
            let error = await storageError {
                let sink = PieceSink { _ in proxy.close() }
                _ = try await source.fetch(FetchRequest(limitBytes: .max), into: sink)
            }
            #expect(error?.code == .interrupted && error?.isHostAway == true, "\(error as Any)")
            #expect(store.client.hosts.absences.map(\.host) == ["127.0.0.1:\(proxy.port)"])
        }
    }

    @Test("comes in several ranges at a time, and goes on over connections that drop")
    func ranges() async throws {
        let lab = try await S3Lab()
        try await withDirectory { directory in
            let bytes = S3Lab.bytes(5 << 20)
            let path = directory + "/object"
            try Data(bytes).write(to: URL(filePath: path))
            try await lab.server.put(path, "\(lab.prefix)/k")
            let proxy = try RelayProxy(to: lab.server.port) { $0 % 3 == 1 ? .cutAnswer(afterBytes: 100_000) : nil }
            defer { proxy.close() }
            var object = S3Object(
                client: try lab.store(port: proxy.port).client,
                bucket: TestObjectStore.bucket,
                key: try ObjectKey("\(lab.prefix)/k")
            )
            (object.ranges.count, object.ranges.rangeBytes, object.ranges.minimumBytes) = (4, 256 << 10, 0)
            let sink = ByteCollector()
            #expect(try await object.fetch(FetchRequest(limitBytes: .max), into: sink) == 5 << 20)
            #expect(sink.bytes == bytes && sink.starts == [0])
            #expect(proxy.harmed > 3 && proxy.mostAtATime > 1)
            #expect(proxy.returnedBytes <= (5 << 20) * 105 / 100, "\(proxy.returnedBytes)")
        }
    }
}
