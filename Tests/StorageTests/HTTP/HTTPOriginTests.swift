import Foundation
import HTTPClient
import Settings
import Storage
import TestSupport
import Testing

@Suite("A source on a real server", .timeLimit(.minutes(5)))
struct HTTPOriginTests {
    private static let content = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    private static let all = FetchRequest(limitBytes: .max)

    private func withFile(
        _ certificates: ((String) async throws -> TestCertificates)? = nil,
        _ locations: [String] = [],
        _ body: (NginxOrigin, TestCertificates?) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            try Data(Self.content).write(to: URL(filePath: directory + "/clip.mp4"))
            let certificates = try await certificates?(directory)
            try await NginxOrigin.with(files: directory, certificates: certificates, locations: locations) { origin in
                try await body(origin, certificates)
            }
        }
    }

    @Test("comes whole over a network that drops the connection every 64 KiB, with hardly a byte twice")
    func cut() async throws {
        try await withFile { origin, _ in
            let proxy = try RelayProxy(to: UInt16(origin.port)) { _ in .cutAnswer(afterBytes: 64 << 10) }
            defer { proxy.close() }
            let sink = ByteCollector()
            let source = HTTPSource(url: "http://127.0.0.1:\(proxy.port)/clip.mp4", try webSettings())
            #expect(try await source.fetch(Self.all, into: sink) == 4 << 20)
            #expect(sink.bytes == Self.content && sink.starts == [0])
            #expect(proxy.connections >= 64)
            #expect(proxy.returnedBytes <= (4 << 20) * 105 / 100, "\(proxy.returnedBytes)")
        }
    }

    @Test("goes on from every 64 KiB that an earlier fetch had, with hardly a byte twice")
    func progress() async throws {
        try await withFile { origin, _ in
            let proxy = try RelayProxy(to: UInt16(origin.port)) { _ in nil }
            defer { proxy.close() }
            let source = HTTPSource(url: "http://127.0.0.1:\(proxy.port)/clip.mp4", try webSettings())
            let validator = try #require(try await source.probe().validator)
            for have in stride(from: 64 << 10, through: 4 << 20, by: 64 << 10) {
                let before = proxy.returnedBytes
                let sink = ByteCollector(had: Array(Self.content[..<have]))
                let progress = FetchRequest.Progress(bytes: Int64(have), validator: validator)
                let request = FetchRequest(limitBytes: .max, progress: progress)
                #expect(try await source.fetch(request, into: sink) == 4 << 20)
                #expect(sink.starts == [Int64(have)] && sink.bytes == Self.content)
                #expect(proxy.returnedBytes - before <= (4 << 20) - have + 4096)
            }
        }
    }

    @Test("by https: needs a certificate that we trust, for its name")
    func secure() async throws {
        let make = { (directory: String) in
            try await TestCertificates.make("origin", in: directory, subjects: ["DNS:media.example"])
        }
        try await withFile(make) { origin, certificates in
            let port = try #require(origin.securePort)
            let authority = try #require(certificates).authority
            let resolver: @Sendable (String) -> [String] = { _ in ["127.0.0.1"] }
            func size(_ host: String, _ authority: String?) async throws -> Int64? {
                let client = WebClient(authoritiesFile: authority, resolver: resolver)
                let url = "https://\(host):\(port)/clip.mp4"
                return try await HTTPSource(url: url, webSettings().webSources, client: client).probe().sizeBytes
            }
            #expect(try await size("media.example", authority) == 4 << 20)
            for (host, authority) in [("media.example", nil), ("other.example", authority)] {
                await #expect {
                    try await size(host, authority)
                } throws: { error in
                    let error = error as? StorageError
                    return error?.code == .unavailable && error?.verdict == .permanent
                }
            }
        }
    }

    @Test("does not go from https: to http:, and goes the other way")
    func schemes() async throws {
        let make = { (directory: String) in
            try await TestCertificates.make("origin", in: directory, subjects: ["IP:127.0.0.1"])
        }
        let locations = [
            "location /down { return 302 http://127.0.0.1:$arg_port/clip.mp4; }",
            "location /up { return 302 https://127.0.0.1:$arg_port/clip.mp4; }",
        ]
        try await withFile(make, locations) { origin, certificates in
            let secure = try #require(origin.securePort)
            let settings = try webSettings(["TLS_CA_FILE": try #require(certificates).authority])
            let up = HTTPSource(url: origin.url("/up?port=\(secure)"), settings)
            #expect(try await up.probe().sizeBytes == 4 << 20)
            let down = HTTPSource(url: "https://127.0.0.1:\(secure)/down?port=\(origin.port)", settings)
            await #expect {
                try await down.probe()
            } throws: { ($0 as? StorageError)?.code == .notAllowed }
        }
    }
}
