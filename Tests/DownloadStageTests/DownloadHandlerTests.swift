import JobModel
import RuntimeSupport
import StageRuntime
import TempFiles
import Testing

@testable import DownloadStage

@Suite("The download handler")
struct DownloadHandlerTests {
    private func ticket(_ bench: HandlerBench, source: String = "source.mp4") -> Ticket {
        var ticket = bench.ticket()
        ticket.source = "file://\(bench.directory)/sources/\(source)"
        return ticket
    }

    private func refusal(
        _ bench: HandlerBench,
        _ ticket: Ticket
    ) async throws -> StageFailure? {
        let handler = try DownloadHandler(bench.services)
        return await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
    }

    @Test("brings the source into the job's directory, and into the ledger with its size")
    func download() async throws {
        let bench = try HandlerBench(.download, .video)
        let bytes = [UInt8](repeating: 7, count: 300_000)
        try bench.writeSource("source.mp4", bytes)
        let done = try await bench.run(DownloadHandler(bench.services), ticket(bench))
        let path = try #require(done.localMediaPath)
        let manifest = try await bench.tracker.jobTempFiles(done.key)
        #expect(manifest.map(\.path) == [path])
        #expect(manifest.map(\.sizeBytes) == [300_000])
        #expect(manifest.map(\.type) == [.input])
        #expect(bench.exists(path.string))
    }

    @Test("brings it again when an earlier run was cut off, and leaves one file")
    func again() async throws {
        let bench = try HandlerBench(.download, .video)
        try bench.writeSource("source.mp4", [1, 2, 3])
        let handler = try DownloadHandler(bench.services)
        _ = try await bench.run(handler, ticket(bench))
        try bench.writeSource("source.mp4", [1, 2, 3, 4])
        let done = try await bench.run(handler, ticket(bench))
        #expect(try await bench.tracker.jobTempFiles(done.key).map(\.sizeBytes) == [4])
    }

    @Test("refuses for good what no try could bring")
    func permanentFailures() async throws {
        let bench = try HandlerBench(.download, .video, ["SOURCE_MAX_BYTES": "1000"])
        try bench.writeSource("empty.mp4", [])
        try bench.writeSource("large.mp4", [UInt8](repeating: 7, count: 1001))
        try bench.writeSource("source.mp4", [1])
        var badKey = bench.ticket()
        badKey.sourceKey = "../elsewhere"
        var foreignScheme = bench.ticket()
        foreignScheme.source = "gopher://host/source"
        var badMedia = ticket(bench)
        badMedia.mediaID = "a/../../b"
        let cases: [(Ticket, String)] = [
            (ticket(bench, source: "empty.mp4"), "empty_source"),
            (ticket(bench, source: "large.mp4"), "source_too_large"),
            (badKey, "invalid_key"), (bench.ticket(), "no_source"), (badMedia, "invalid_media_id"),
            (foreignScheme, "invalid_url"),
        ]
        for (ticket, code) in cases {
            let failure = try await refusal(bench, ticket)
            #expect(failure?.verdict == .permanent, "\(code)")
            #expect(failure?.code == code)
        }
    }

    @Test("refuses a media id that would make a directory where another medium has an object, in a directory alone")
    func directoryInTheWay() async throws {
        let bench = try HandlerBench(.download, .video)
        try bench.writeSource("source.mp4", [1])
        for mediaID in ["v/result.json", "v_720p.mp4/w"] as [ByteText] {
            var ticket = ticket(bench)
            ticket.mediaID = mediaID
            let failure = try await refusal(bench, ticket)
            #expect(failure?.verdict == .permanent && failure?.code == "invalid_media_id")
            #expect(failure?.message.contains(mediaID == "v/result.json" ? "RESULT_KEY" : "VIDEO_KEY_TEMPLATE") == true)
        }
        var ticket = ticket(bench)
        ticket.mediaID = "v/clip.mp4"
        #expect(try await bench.run(DownloadHandler(bench.services), ticket).localMediaPath != nil)
        let credentials = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]
        let url = "s3://media/x?endpoint=http://127.0.0.1:1&region=us-east-1"
        let bucket = try HandlerBench(.download, .video, credentials.merging(["STORAGE_URL": url]) { $1 })
        try bucket.writeSource("source.mp4", [1])
        ticket.mediaID = "v/result.json"
        ticket.source = "file://\(bucket.directory)/sources/source.mp4"
        #expect(try await bucket.run(DownloadHandler(bucket.services), ticket).localMediaPath != nil)
    }

    @Test("writes nothing of a source that is too large, when that is known before")
    func largeSource() async throws {
        let bench = try HandlerBench(.download, .video, ["SOURCE_MAX_BYTES": "1000"])
        try bench.writeSource("source.mp4", [UInt8](repeating: 7, count: 1001))
        _ = try await refusal(bench, ticket(bench))
        #expect(try await bench.tracker.jobTempFiles(bench.ticket().key).isEmpty)
    }

    @Test("fails for good when the disk could never hold the job")
    func tooLargeForDisk() async throws {
        let bench = try HandlerBench(.download, .video, ["TEMP_MAX_BYTES": "100000"])
        try bench.writeSource("source.mp4", [UInt8](repeating: 7, count: 99_000))
        let failure = try await refusal(bench, ticket(bench))
        #expect(failure?.verdict == .permanent)
        #expect(failure?.code == "too_large_for_disk")
    }

    @Test("waits, and holds nothing, while other jobs have the disk")
    func noRoom() async throws {
        let bench = try HandlerBench(
            .download,
            .video,
            ["TEMP_MAX_BYTES": "100000", "TEMP_EXPANSION_FACTOR": "1"]
        )
        try bench.writeSource("source.mp4", [UInt8](repeating: 7, count: 60_000))
        let handler = try DownloadHandler(bench.services)
        _ = try await bench.run(handler, ticket(bench))
        var second = ticket(bench)
        second.id = "second"
        let failure = try await refusal(bench, second)
        #expect(failure?.verdict == .noRoom)
        #expect(failure?.code == "no_space")
        #expect(try await bench.tracker.jobTempFiles(second.key).isEmpty)
    }
}
