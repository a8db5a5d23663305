import Foundation
import Settings
import Storage
import TestSupport
import Testing

@Suite("A source by HTTP", .timeLimit(.minutes(5)))
struct HTTPSourceTests {
    private static let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    private static let all = FetchRequest(limitBytes: .max)

    private func withOrigin(_ body: (FaultyOrigin) async throws -> Void) async throws {
        let origin = try FaultyOrigin(Self.content)
        defer { origin.stop() }
        try await body(origin)
    }

    @Test(
        "is read whole, however its server answers that is not wrong",
        arguments: [
            "/whole", "/weak", "/dated", "/no-length", "/identity", "/ranges-ignored", "/ranges-shifted",
            "/ranges-refused", "/here", "/here-relative", "/cut-length-once", "/cut-close-with-ranges",
        ]
    )
    func whole(path: String) async throws {
        try await withOrigin { origin in
            let sink = ByteCollector()
            let source = try origin.source(path)
            #expect(try await source.fetch(Self.all, into: sink) == 50_000)
            #expect(sink.bytes == Self.content && sink.starts == [0])
            #expect(origin.requests.allSatisfy { $0.fields["accept-encoding"] == "identity" })
            // A later part is asked for of this version only.
            #expect(origin.requests.allSatisfy { $0.start ?? 0 == 0 || $0.fields["if-range"] == "\"v1\"" })
        }
    }

    @Test(
        "tells its size before it is read",
        arguments: [
            ("/whole", 50_000), ("/no-length", nil), ("/ranges-ignored", 50_000), ("/ranges-refused", 50_000),
            ("/ranges-shifted", 50_000), ("/here", 50_000), ("/cut-close-with-ranges", 50_000), ("/empty", 0),
        ] as [(String, Int64?)]
    )
    func size(path: String, size: Int64?) async throws {
        try await withOrigin { origin in
            let source = try origin.source(path)
            #expect(try await source.probe().sizeBytes == size)
        }
    }

    struct Wrong: Sendable {
        var path: String
        var code: StorageError.Code
        var verdict = StorageError.Verdict.permanent
        /// Is in the message.
        var words = ""
        var retryAfter: Duration?
        var requests: Int?
    }

    @Test(
        "that is wrong is refused with the reason, and with the verdict whether another try can help",
        arguments: [
            Wrong(path: "/cut-length", code: .interrupted, verdict: .transient, words: "after 25000 of 50000"),
            Wrong(path: "/cut-chunked", code: .interrupted, verdict: .transient),
            Wrong(path: "/encoded", code: .badResponse, words: "Content-Encoding: gzip"),
            Wrong(path: "/packed-in-transfer", code: .badResponse, words: "Transfer-Encoding: gzip, chunked"),
            Wrong(path: "/length-of-identity", code: .badResponse, words: "Transfer-Encoding: identity"),
            Wrong(path: "/another-when-cut", code: .changed, verdict: .transient),
            Wrong(path: "/204", code: .badResponse, words: "204"),
            Wrong(path: "/two-lengths", code: .badResponse, words: "two lengths"),
            Wrong(path: "/huge-length", code: .tooLarge, words: "9223372036854775808"),
            Wrong(path: "/region", code: .badResponse, words: "eu-west-9"),
            Wrong(path: "/no-place", code: .badResponse, words: "302"),
            Wrong(path: "/loop", code: .badResponse, words: "5 redirects", requests: 6),
            Wrong(path: "/missing", code: .notFound, verdict: .sourceGone, words: "404 NoSuchKey", requests: 1),
            Wrong(path: "/status/410", code: .notFound, verdict: .sourceGone),
            Wrong(path: "/denied", code: .refused, words: "403 AccessDenied", requests: 1),
            Wrong(path: "/status/401", code: .refused), Wrong(path: "/status/400", code: .refused),
            Wrong(path: "/status/451", code: .refused), Wrong(path: "/status/304", code: .badResponse),
            Wrong(path: "/expired", code: .expired, requests: 1), Wrong(path: "/expired-400", code: .expired),
            Wrong(path: "/503-once", code: .unavailable, verdict: .transient, retryAfter: .seconds(7), requests: 1),
            Wrong(path: "/429-date", code: .unavailable, verdict: .transient, retryAfter: .seconds(13)),
            Wrong(path: "/503-for-ever", code: .unavailable, verdict: .transient, retryAfter: .seconds(3600)),
            Wrong(path: "/status/408", code: .unavailable, verdict: .transient),
            Wrong(path: "/status/425", code: .unavailable, verdict: .transient),
            Wrong(path: "/status/500", code: .unavailable, verdict: .transient),
            Wrong(path: "/endless-header", code: .badResponse, words: "header"),
        ]
    )
    func wrong(_ wrong: Wrong) async throws {
        try await withOrigin { origin in
            let error = try #require(try await origin.failure(wrong.path + "?token=hunter2"))
            #expect(error.code == wrong.code && error.verdict == wrong.verdict, "\(error)")
            #expect(wrong.words.isEmpty || error.message.contains(wrong.words), "\(error)")
            #expect(!error.message.contains("hunter2"), "\(error)")
            #expect(error.retryAfter == wrong.retryAfter)
            if let requests = wrong.requests { #expect(origin.requests.count == requests) }
        }
    }

    @Test("that ends before the size that was told before was cut short, unless it tells a size of its own")
    func expectedSize() async throws {
        try await withOrigin { origin in
            func bytes(_ path: String, expecting bytes: Int64?) async throws -> Int64 {
                let request = FetchRequest(limitBytes: .max, expectedBytes: bytes)
                return try await origin.source(path).fetch(request, into: ByteCollector())
            }
            let told = try await origin.source("/half-in-chunks").probe()
            #expect(told.sizeBytes == 50_000)
            for path in ["/half-in-chunks", "/no-length"] {
                await #expect {
                    _ = try await bytes(path, expecting: 50_001)
                } throws: { error in
                    let error = error as? StorageError
                    return error?.code == .interrupted && error?.verdict == .transient
                        && error?.message.contains("50001 were told") == true
                }
            }
            #expect(try await bytes("/half-in-chunks", expecting: 25_000) == 25_000)
            #expect(try await bytes("/no-length", expecting: 10) == 50_000)
            #expect(try await bytes("/whole", expecting: 50_001) == 50_000)
        }
    }

    @Test("that nobody serves is told as such, and may be there later")
    func away() async throws {
        let port = try FreePort.find()
        let source = HTTPSource(url: "http://127.0.0.1:\(port)/x?token=hunter2", try webSettings())
        await #expect {
            try await source.fetch(Self.all, into: ByteCollector())
        } throws: { error in
            let error = error as? StorageError
            return error?.code == .unavailable && error?.verdict == .transient && !"\(error as Any)".contains("hunter2")
        }
    }

    @Test("whose URL was signed for a time that is over is not asked for")
    func expiredURL() async throws {
        try await withOrigin { origin in
            for query in [
                "X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=hunter2",
                "Expires=1577836800&Signature=hunter2&AWSAccessKeyId=x", "se=2020-01-01T00%3A00%3A00Z&sig=hunter2",
            ] {
                let error = try await origin.failure("/whole?" + query)
                #expect(error?.code == .expired && error?.verdict == .permanent)
                #expect(error?.message.contains("hunter2") == false)
            }
            #expect(origin.connections == 0)
            #expect(try await origin.failure("/whole?X-Amz-Date=20990101T000000Z&X-Amz-Expires=60") == nil)
            #expect(try await origin.failure("/whole?Expires=5") == nil)
        }
    }

    @Test(
        "that hardly comes is interrupted",
        arguments: [
            ("/slow", ["SOURCE_IDLE_SECONDS": "1", "SOURCE_MIN_BYTES_PER_SECOND": "10000"]),
            ("/stall", ["SOURCE_IDLE_SECONDS": "0.2"]),
            ("/stall", ["SOURCE_IDLE_SECONDS": "0.2", "SOURCE_MIN_BYTES_PER_SECOND": "0"]),
            ("/slow-header", ["SOURCE_FIRST_BYTE_SECONDS": "0.3"]),
            ("/slow", ["SOURCE_TOTAL_SECONDS": "0.5"]),
        ]
    )
    func slow(path: String, variables: [String: String]) async throws {
        try await withOrigin { origin in
            let patient = ["SOURCE_IDLE_SECONDS": "3600", "SOURCE_FIRST_BYTE_SECONDS": "3600"]
            let error = try await origin.failure(path, patient.merging(variables) { $1 })
            #expect(error?.verdict == .transient, "\(error as Any)")
            #expect(error.map { [.interrupted, .unavailable].contains($0.code) } == true)
            #expect(origin.connections <= 4)
        }
    }

    @Test("whose size nobody tells ends at the limit, and not a byte beyond", arguments: [29_999, 49_999] as [Int64])
    func limit(bytes: Int64) async throws {
        try await withOrigin { origin in
            let (source, sink) = (try origin.source("/no-length"), ByteCollector())
            await #expect {
                try await source.fetch(FetchRequest(limitBytes: bytes), into: sink)
            } throws: { error in
                (error as? StorageError)?.code == .tooLarge && (error as? StorageError)?.verdict == .permanent
            }
            #expect(sink.bytes.count <= Int(bytes))
            #expect(try await source.fetch(FetchRequest(limitBytes: 50_000), into: ByteCollector()) == 50_000)
        }
    }

    @Test("that stands still ends with its task")
    func cancellation() async throws {
        try await withOrigin { origin in
            let source = try origin.source("/stall", ["SOURCE_IDLE_SECONDS": "3600"])
            let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
            let sink = PieceSink { _ in hasBegun.yield() }
            let task = Task { try await source.fetch(Self.all, into: sink) }
            for await _ in begun { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test(
        "goes on where an earlier fetch ended, if it is the same and can be read from there",
        arguments: [
            ("/whole", "\"v1\"", 30_000), ("/whole", "\"v0\"", 0), ("/weak", "\"v1\"", 0),
            ("/dated", "Sun, 06 Nov 1994 08:49:37 GMT", 30_000), ("/dated", "Sun, 06 Nov 1994 08:49:36 GMT", 0),
            ("/ranges-ignored", "\"v1\"", 0), ("/ranges-shifted", "\"v1\"", 0), ("/ranges-refused", "\"v1\"", 0),
            ("/another-each-time", "\"v1\"", 0), ("/here", "\"v1\"", 30_000),
        ] as [(String, String, Int64)]
    )
    func resumption(path: String, validator: String, start: Int64) async throws {
        try await withOrigin { origin in
            let sink = ByteCollector(had: Array(Self.content[..<30_000]))
            let progress = FetchRequest.Progress(bytes: 30_000, validator: SourceValidator(validator))
            let request = FetchRequest(limitBytes: .max, progress: progress)
            let source = try origin.source(path)
            #expect(try await source.fetch(request, into: sink) == 50_000)
            #expect(sink.starts == [start])
            if path != "/another-each-time" { #expect(sink.bytes == Self.content) }
            #expect(origin.requests.allSatisfy { $0.start ?? 0 == 0 || $0.fields["if-range"] == validator })
        }
    }

    @Test("is one version throughout, though it changes with every answer")
    func oneVersion() async throws {
        try await withOrigin { origin in
            let sink = ByteCollector()
            _ = try await origin.source("/another-each-time").fetch(Self.all, into: sink)
            let first = try #require(sink.bytes.first) ^ Self.content[0]
            #expect(sink.bytes == Self.content.map { $0 ^ first })
        }
    }

    @Test("of which all is there already is not read again")
    func complete() async throws {
        try await withOrigin { origin in
            let progress = FetchRequest.Progress(bytes: 50_000, validator: SourceValidator("\"v1\""))
            let sink = ByteCollector(had: Self.content)
            let request = FetchRequest(limitBytes: .max, progress: progress)
            let source = try origin.source("/whole")
            #expect(try await source.fetch(request, into: sink) == 50_000)
            #expect(sink.bytes == Self.content && sink.starts == [50_000])
        }
    }
}
