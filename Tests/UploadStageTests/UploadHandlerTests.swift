import JobModel
import RuntimeSupport
import StageRuntime
import TempFiles
import Testing

@testable import UploadStage

@Suite("The upload handler")
struct UploadHandlerTests {
    private static let contents: [[UInt8]] = [[1, 2, 3], [UInt8](repeating: 9, count: 200_000)]

    /// A job whose outputs lie in its directory, as processing leaves it.
    private func processedTicket(_ bench: HandlerBench) async throws -> Ticket {
        let ticket = bench.ticket()
        return try await bench.entering(ticket) { job in
            var ticket = ticket
            for (index, bytes) in Self.contents.enumerated() {
                let path = try await bench.makeFile("outputs/\(index)", bytes, .output, of: job)
                var output = JobOutput(kind: .scaled, key: ByteText("videos/media/\(index).mp4"))
                output.localPath = ByteText(path)
                output.sizeBytes = Int64(bytes.count)
                ticket.outputs.append(output)
            }
            ticket.tempFiles = try await bench.tracker.jobTempFiles(ticket.key)
            return ticket
        }
    }

    @Test("publishes every output, says where it is, and releases its file")
    func upload() async throws {
        let bench = try HandlerBench(.upload, .video)
        let ticket = try await processedTicket(bench)
        let done = try await bench.run(UploadHandler(bench.services), ticket)
        for (index, bytes) in Self.contents.enumerated() {
            #expect(bench.object("videos/media/\(index).mp4") == bytes)
            #expect(done.outputs[index].location?.hasSuffix("videos/media/\(index).mp4") == true)
            #expect(done.outputs[index].localPath == nil)
            #expect(try !bench.exists(#require(ticket.outputs[index].localPath).string))
        }
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
    }

    @Test("needs no file that an earlier run has published")
    func again() async throws {
        let bench = try HandlerBench(.upload, .video)
        let ticket = try await processedTicket(bench)
        let handler = try UploadHandler(bench.services)
        let first = try await bench.run(handler, ticket)
        let second = try await bench.run(handler, ticket)
        #expect(first.outputs == second.outputs)
    }

    @Test(
        "publishes nothing when a file is gone or changed, and sends the job back to download",
        arguments: [true, false]
    )
    func missingFile(isGone: Bool) async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        let last = try #require(ticket.outputs.last?.localPath)
        if isGone {
            try await bench.entering(ticket) { job in
                _ = await bench.tracker.releaseFiles([last.string], job: job.key)
            }
        } else {
            ticket.tempFiles = ticket.tempFiles?.map { entry in
                var entry = entry
                if entry.path == last { entry.sizeBytes += 1 }
                return entry
            }
        }
        let handler = try UploadHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .sourceGone)
        #expect(failure?.code == (isGone ? "file_missing" : "file_changed"))
        #expect(bench.object("videos/media/0.mp4") == nil)
    }

    @Test("touches no file that is not the job's")
    func foreignPath() async throws {
        let bench = try HandlerBench(.upload, .video)
        var ticket = try await processedTicket(bench)
        ticket.outputs[0].localPath = "/etc/hostname"
        let handler = try UploadHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .sourceGone)
        #expect(failure?.code == "foreign_path")
        #expect(bench.object("videos/media/0.mp4") == nil)
    }
}
