import Digests
import Files
import Foundation
import JobModel
import RuntimeSupport
import StageRuntime
import Storage
import Synchronization
import TempFiles
import TestSupport
import Testing

@testable import DownloadStage

@Suite("A download that goes on", .timeLimit(.minutes(5)))
struct ResumedDownloadTests {
    private static let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

    /// A source in memory that counts what it delivers and stops where a test says.
    private final class Origin: Sendable {
        struct State {
            var bytes = ResumedDownloadTests.content
            var version = "1"
            var tellsSize = true
            var stopsAfter: Int64?
            var checksums: [SourceChecksum] = []
            var delivered: Int64 = 0
            var fetches = 0
        }

        let state = Mutex(State())

        func handler(_ bench: HandlerBench) throws -> DownloadHandler {
            try DownloadHandler(
                bench.services,
                sources: Sources(["memory": { [self] _ in OriginSource(origin: self) }])
            )
        }
    }

    private struct OriginSource: Source {
        let origin: Origin

        var description: String { "memory" }
        func checkAllowed() async throws(StorageError) {}

        private var facts: SourceFacts {
            origin.state.withLock { state in
                SourceFacts(
                    sizeBytes: state.tellsSize ? Int64(state.bytes.count) : nil,
                    validator: SourceValidator(state.version),
                    hasRanges: true,
                    checksums: state.checksums
                )
            }
        }

        func probe() async throws -> SourceFacts { facts }

        func fetch(_ request: FetchRequest, into sink: any SourceSink) async throws -> Int64 {
            origin.state.withLock { $0.fetches += 1 }
            return try await Delivery.run(request, to: sink) { delivery in
                let (bytes, stop) = origin.state.withLock { ($0.bytes, $0.stopsAfter ?? .max) }
                var position = Int(try delivery.begin(facts))
                while position < bytes.count {
                    guard Int64(position) < stop else {
                        throw StorageError(code: .interrupted, message: "it stopped", verdict: .transient)
                    }
                    let end = min(position + 10_000, bytes.count)
                    try bytes[position..<end].withUnsafeBytes { try delivery.write($0) }
                    origin.state.withLock { $0.delivered += Int64(end - position) }
                    position = end
                }
                return delivery.totalBytes
            }
        }
    }

    private func ticket(_ bench: HandlerBench, _ id: ByteText = "job", sha256: String? = nil) -> Ticket {
        var ticket = bench.ticket(id)
        ticket.source = "memory:source"
        if let sha256 { ticket.unknown["sha256"] = .string(sha256) }
        return ticket
    }

    private func failure(_ bench: HandlerBench, _ handler: DownloadHandler, _ ticket: Ticket) async -> StageFailure? {
        await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
    }

    private func download(_ bench: HandlerBench, _ origin: Origin) async throws -> [UInt8] {
        let handler = try origin.handler(bench)
        return try await bytes(bench.run(handler, ticket(bench)))
    }

    private func bytes(_ done: Ticket) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: try #require(done.localMediaPath).string)))
    }

    @Test("where an earlier one stopped, by another worker's hands")
    func resumes() async throws {
        let bench = try HandlerBench(.download, .video)
        let origin = Origin()
        origin.state.withLock { $0.stopsAfter = 120_000 }
        let failed = try await failure(bench, origin.handler(bench), ticket(bench))
        #expect(failed?.verdict == .transient && failed?.code == "source_interrupted")
        origin.state.withLock { $0.stopsAfter = nil }
        let done = try await bench.run(origin.handler(bench), ticket(bench))
        #expect(try bytes(done) == Self.content)
        #expect(origin.state.withLock { $0.delivered } == 200_000)
        #expect(try await bench.tracker.jobTempFiles(done.key).map(\.sizeBytes) == [200_000])
    }

    @Test("from the start when the source is another one by now")
    func changed() async throws {
        let bench = try HandlerBench(.download, .video)
        let origin = Origin()
        origin.state.withLock { $0.stopsAfter = 120_000 }
        _ = try await failure(bench, origin.handler(bench), ticket(bench))
        let other = Array(Self.content.reversed()[..<150_000])
        origin.state.withLock { ($0.stopsAfter, $0.version, $0.bytes) = (nil, "2", other) }
        let got = try await download(bench, origin)
        #expect(got == other)
    }

    @Test("does not when it came to its end: a file that was whole is brought anew")
    func whole() async throws {
        let bench = try HandlerBench(.download, .video)
        let origin = Origin()
        for _ in 1...2 {
            let got = try await download(bench, origin)
            #expect(got == Self.content)
        }
        #expect(origin.state.withLock { $0.delivered } == 400_000)
    }

    @Test("does not trust bytes that an earlier run of the kernel has written, or nobody has marked")
    func foreignMarks() async throws {
        for mark in [nil, "another-boot 1", "1", ""] {
            let bench = try HandlerBench(.download, .video)
            let origin = Origin()
            origin.state.withLock { $0.stopsAfter = 120_000 }
            _ = try await failure(bench, origin.handler(bench), ticket(bench))
            let path = bench.directory + "/temp/media-processor/jobs/video/job/source"
            let file = OpenFile(owning: open(path, O_RDWR), path: path)
            #expect(file.attribute("user.media-processor.partial") != nil)
            try file.removeAttribute("user.media-processor.partial")
            if let mark { #expect(try file.setAttribute("user.media-processor.partial", Array(mark.utf8))) }
            try file.write([9, 9, 9])
            origin.state.withLock { ($0.stopsAfter, $0.delivered) = (nil, 0) }
            let got = try await download(bench, origin)
            #expect(got == Self.content)
            #expect(origin.state.withLock { $0.delivered } == 200_000)
        }
    }

    @Test("compares all of it with the checksums of its server, also what came before")
    func checksums() async throws {
        let right = try #require(SourceChecksum(.sha256, SHA256.digest(of: Self.content)))
        let wrong = try #require(SourceChecksum(.crc32c, [1, 2, 3, 4]))
        for (checksums, isRight) in [([right], true), ([right, wrong], false)] {
            let bench = try HandlerBench(.download, .video)
            let origin = Origin()
            origin.state.withLock { ($0.stopsAfter, $0.checksums) = (120_000, checksums) }
            _ = try await failure(bench, origin.handler(bench), ticket(bench))
            origin.state.withLock { $0.stopsAfter = nil }
            if isRight {
                let got = try await download(bench, origin)
                #expect(got == Self.content)
            } else {
                let failed = try await failure(bench, origin.handler(bench), ticket(bench))
                #expect(failed?.verdict == .transient && failed?.code == "source_damaged")
                #expect(failed?.message.contains("crc32c") == true)
                // All of it comes again.
                origin.state.withLock { ($0.delivered, $0.checksums) = (0, []) }
                let got = try await download(bench, origin)
                #expect(got == Self.content)
                #expect(origin.state.withLock { $0.delivered } == 200_000)
            }
        }
    }

    @Test("is refused when it is not what the job's sha256 names")
    func jobDigest() async throws {
        let hex = SHA256.digest(of: Self.content).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        for (digest, code) in [
            (hex, nil), (hex.uppercased(), nil), (String(hex.reversed()), "source_mismatch"), ("0", "invalid_value"),
            ("+" + hex.dropFirst(), "invalid_value"), (hex + "00", "invalid_value"),
        ] as [(String, String?)] {
            let bench = try HandlerBench(.download, .video)
            let handler = try Origin().handler(bench)
            if let code {
                let failed = await failure(bench, handler, ticket(bench, sha256: digest))
                #expect(failed?.code == code && failed?.verdict == .permanent)
            } else {
                let done = try await bench.run(handler, ticket(bench, sha256: digest))
                #expect(try bytes(done) == Self.content)
            }
        }
    }

    @Test("keeps what it has while the disk is full, and asks for no byte until there is room")
    func waiting() async throws {
        let bench = try HandlerBench(.download, .video, ["TEMP_MAX_BYTES": "143360", "TEMP_EXPANSION_FACTOR": "1"])
        let origin = Origin()
        origin.state.withLock { ($0.tellsSize, $0.bytes) = (false, Array(Self.content[..<120_000])) }
        // Another job has some of the disk.
        try bench.writeSource("other", [UInt8](repeating: 7, count: 60_000))
        var other = bench.ticket("other")
        other.source = "file://\(bench.directory)/sources/other"
        _ = try await bench.run(DownloadHandler(bench.services), other)
        for look in 1...3 {
            let failed = try await failure(bench, origin.handler(bench), ticket(bench))
            #expect(failed?.verdict == .noRoom && failed?.code == "no_space")
            #expect(origin.state.withLock { $0.fetches } == 1, "look \(look)")
        }
        let had = try await bench.tracker.jobTempFiles(ticket(bench).key).map(\.sizeBytes)
        #expect(had.count == 1 && (had.first ?? 0) > 50_000)
        _ = await bench.tracker.releaseFiles(["source"], job: other.key, isLast: true)
        let done = try await bench.run(origin.handler(bench), ticket(bench))
        #expect(try bytes(done) == Array(Self.content[..<120_000]))
        #expect(origin.state.withLock { $0.delivered } <= 130_000)
    }
}
