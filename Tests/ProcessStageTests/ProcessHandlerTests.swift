import Foundation
import JobModel
import Media
import RuntimeSupport
import StageRuntime
import TempFiles
import TestSupport
import Testing

@testable import ProcessStage

@Suite("The process handler")
struct ProcessHandlerTests {
    /// Stands in for an engine.
    private struct ScriptedWork: MediaWork {
        let body: @Sendable (String, JobContext) async throws -> Ticket

        func run(source: String, _ job: JobContext) async throws -> Ticket { try await body(source, job) }
    }

    /// A job whose source lies in its directory, as download leaves it.
    private func downloadedTicket(_ bench: HandlerBench, _ bytes: [UInt8] = [1, 2, 3]) async throws -> Ticket {
        let ticket = bench.ticket()
        return try await bench.entering(ticket) { job in
            var ticket = ticket
            ticket.localMediaPath = ByteText(try await bench.makeFile("source", bytes, .input, of: job))
            ticket.tempFiles = try await bench.tracker.jobTempFiles(ticket.key)
            return ticket
        }
    }

    private func refusal(_ bench: HandlerBench, _ ticket: Ticket, _ error: any Error) async throws -> StageFailure? {
        let handler = ProcessHandler(
            work: ScriptedWork { _, job in
                _ = try await PlannedFiles.track([("made.mp4", "made")], within: bench.settings.diskBudget, job)
                throw error
            }
        )
        return await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
    }

    @Test("makes the variants of a picture, all of them in the ledger")
    func picture() async throws {
        let bench = try HandlerBench(.process, .image)
        let path = "\(bench.directory)/photo.jpg"
        try await Samples.photo(path, size: "320x240")
        let ticket = try await downloadedTicket(bench, Self.bytes(path))
        let done = try await bench.run(ProcessHandler(bench.services), ticket)
        #expect(!done.outputs.isEmpty)
        #expect(done.metadata?["width"]?.clampedInteger == 320)
        let manifest = try await bench.tracker.jobTempFiles(ticket.key)
        for output in done.outputs {
            let file = try #require(manifest.first { $0.path == output.localPath })
            #expect(file.sizeBytes == output.sizeBytes)
            #expect(file.type == .output)
            #expect(bench.exists(file.path.string))
        }
    }

    @Test("fails a job for good whose source is no picture")
    func noPicture() async throws {
        let bench = try HandlerBench(.process, .image)
        let ticket = try await downloadedTicket(bench)
        let handler = try ProcessHandler(bench.services)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .permanent)
    }

    @Test("sends a job back whose source is gone, and does not begin its work")
    func sourceGone() async throws {
        let bench = try HandlerBench(.process, .video)
        let handler = ProcessHandler(work: ScriptedWork { _, _ in throw HandlerBenchError(description: "begun") })
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, bench.ticket()) }
        #expect(failure?.verdict == .sourceGone)
    }

    @Test("keeps nothing of a try that another one may follow, and what a permanent failure leaves for clean-up")
    func leftovers() async throws {
        for isRetriable in [true, false] {
            let bench = try HandlerBench(.process, .video)
            let ticket = try await downloadedTicket(bench)
            let error = MediaError(code: .unreadable, message: "the disk failed", isRetriable: isRetriable)
            let failure = try await refusal(bench, ticket, error)
            #expect(failure?.verdict == (isRetriable ? .transient : .permanent))
            let outputs = try await bench.tracker.jobTempFiles(ticket.key).filter { $0.type == .output }
            #expect(outputs.isEmpty == isRetriable)
        }
    }

    @Test("waits for space, and holds nothing of it meanwhile")
    func noSpace() async throws {
        let bench = try HandlerBench(.process, .video)
        let ticket = try await downloadedTicket(bench)
        let cause = StageFailure(.transient, code: PlannedFiles.noSpace, "no room")
        let error = MediaError(code: .unreadable, message: "not written", isRetriable: true, underlying: cause)
        let failure = try await refusal(bench, ticket, error)
        #expect(failure?.code == PlannedFiles.noSpace)
        #expect(try await bench.tracker.jobTempFiles(ticket.key).map(\.type) == [.input])
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    }
}
