import Foundation
import HTTPClient
import Settings
import TestSupport
import Testing

@testable import Storage

@Suite("A source in parallel ranges", .timeLimit(.minutes(5)))
struct HTTPRangesTests {
    private static let content = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    private static let small = Array(content[..<50_000])
    private static let all = FetchRequest(limitBytes: .max)

    private static func ranges(_ count: Int, of bytes: Int64, minimum: Int64 = 0) -> SourceRanges {
        var ranges = SourceRanges()
        (ranges.count, ranges.rangeBytes, ranges.minimumBytes) = (count, bytes, minimum)
        return ranges
    }

    /// - Parameter lines: of nginx's configuration for the file.
    private func withOrigin(
        _ lines: String = "",
        fault: @escaping @Sendable (Int) -> RelayProxy.Fault? = { _ in nil },
        _ body: (RelayProxy, (SourceRanges) throws -> HTTPSource) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            try Data(Self.content).write(to: URL(filePath: directory + "/clip.mp4"))
            try await NginxOrigin.with(files: directory, locations: ["location / { \(lines) }"]) { origin in
                let proxy = try RelayProxy(to: UInt16(origin.port), fault: fault)
                defer { proxy.close() }
                try await body(proxy) { ranges in
                    HTTPSource(
                        url: "http://127.0.0.1:\(proxy.port)/clip.mp4",
                        try webSettings().webSources,
                        client: WebClient(),
                        hosts: HostWatch(),
                        ranges: ranges
                    )
                }
            }
        }
    }

    @Test(
        "comes whole and in order, with so many connections at a time and hardly a byte twice",
        arguments: [2, 4, 16]
    )
    func whole(count: Int) async throws {
        // Slow enough that all of them are open at a time.
        try await withOrigin("limit_rate 1m;") { proxy, source in
            let sink = ByteCollector()
            let ranged = try source(Self.ranges(count, of: 128 << 10))
            #expect(try await ranged.fetch(Self.all, into: sink) == 4 << 20)
            #expect(sink.bytes == Self.content && sink.starts == [0])
            #expect(proxy.mostAtATime == count)
            #expect(proxy.returnedBytes <= (4 << 20) * 105 / 100, "\(proxy.returnedBytes)")
        }
    }

    @Test("comes whole over a network that drops every connection, with hardly a byte twice")
    func cut() async throws {
        let cuts: @Sendable (Int) -> RelayProxy.Fault? = { _ in .cutAnswer(afterBytes: 64 << 10) }
        try await withOrigin(fault: cuts) { proxy, source in
            let sink = ByteCollector()
            let ranged = try source(Self.ranges(4, of: 256 << 10))
            #expect(try await ranged.fetch(Self.all, into: sink) == 4 << 20)
            #expect(sink.bytes == Self.content && sink.starts == [0])
            #expect(proxy.harmed >= 64 && proxy.mostAtATime > 1)
            #expect(proxy.returnedBytes <= (4 << 20) * 105 / 100, "\(proxy.returnedBytes)")
        }
    }

    @Test("goes on from what an earlier fetch had")
    func progress() async throws {
        try await withOrigin { proxy, source in
            let source = try source(Self.ranges(4, of: 256 << 10))
            let validator = try #require(try await source.probe().validator)
            for have in [1, 300_000, (4 << 20) - 1, 4 << 20] {
                let before = proxy.returnedBytes
                let sink = ByteCollector(had: Array(Self.content[..<have]))
                let progress = FetchRequest.Progress(bytes: Int64(have), validator: validator)
                let request = FetchRequest(limitBytes: .max, progress: progress)
                #expect(try await source.fetch(request, into: sink) == 4 << 20)
                #expect(sink.starts == [Int64(have)] && sink.bytes == Self.content)
                #expect(proxy.returnedBytes - before <= ((4 << 20) - have) * 105 / 100 + 4096)
            }
        }
    }

    @Test("that is smaller than the setting says comes on one connection at a time")
    func minimum() async throws {
        try await withOrigin { proxy, source in
            let sink = ByteCollector()
            let ranges = Self.ranges(4, of: 256 << 10, minimum: (4 << 20) + 1)
            let ranged = try source(ranges)
            #expect(try await ranged.fetch(Self.all, into: sink) == 4 << 20)
            // The first range and the rest.
            #expect(sink.bytes == Self.content && proxy.mostAtATime == 1 && proxy.connections == 2)
        }
    }

    @Test("keeps its limit and its sink's will, whichever range comes first")
    func limits() async throws {
        try await withOrigin("limit_rate 1m;") { _, source in
            let source = try source(Self.ranges(4, of: 256 << 10))
            await #expect {
                try await source.fetch(FetchRequest(limitBytes: 1 << 20), into: ByteCollector())
            } throws: { ($0 as? StorageError)?.code == .tooLarge }
            struct Full: Error {}
            await #expect(throws: Full.self) {
                try await source.fetch(Self.all, into: PieceSink { piece in if piece.count > 0 { throw Full() } })
            }
        }
    }

    @Test(
        "comes whole by one stream from a server that does not want to give ranges",
        arguments: [
            "/whole", "/ranges-ignored", "/ranges-shifted", "/one-at-a-time", "/whole-after-first", "/longer-ranges",
            "/no-total", "/cut-close-with-ranges", "/weak", "/no-length", "/here", "/dated",
        ]
    )
    func unwilling(path: String) async throws {
        let origin = try FaultyOrigin(Self.small)
        defer { origin.stop() }
        let (sink, watch) = (ByteCollector(), HostWatch())
        let source = try origin.source(path, ranges: Self.ranges(4, of: 7000), hosts: watch)
        #expect(try await source.fetch(Self.all, into: sink) == 50_000)
        #expect(sink.bytes == Self.small && sink.starts == [0])
        #expect(origin.requests.allSatisfy { $0.start ?? 0 == 0 || $0.fields["if-range"] != nil })
        // A server that wants fewer connections is not away.
        #expect(watch.absences.isEmpty)
        #expect(origin.requests.count <= 16)
    }

    @Test("is one version throughout, and an empty one is empty")
    func versions() async throws {
        let origin = try FaultyOrigin(Self.small)
        defer { origin.stop() }
        let changed = try origin.source("/another-after-first", ranges: Self.ranges(4, of: 7000))
        await #expect {
            try await changed.fetch(Self.all, into: ByteCollector())
        } throws: { ($0 as? StorageError)?.code == .changed }
        let empty = try FaultyOrigin([])
        defer { empty.stop() }
        let sink = ByteCollector()
        let ranged = try empty.source("/whole", ranges: Self.ranges(4, of: 7000))
        #expect(try await ranged.fetch(Self.all, into: sink) == 0)
    }
}
