import JobModel
import RuntimeSupport
import StageRuntime
import TempFiles
import Testing

@testable import CleanupStage

@Suite("The clean-up handler")
struct CleanupHandlerTests {
    @Test("removes all files of the job, and its directory's contents")
    func cleanup() async throws {
        let bench = try HandlerBench(.cleanup, .image)
        let ticket = bench.ticket()
        let paths = try await bench.entering(ticket) { job in
            [
                try await bench.makeFile("source", [1, 2, 3], .input, of: job),
                try await bench.makeFile("outputs/one.jpg", [4], .output, of: job),
            ]
        }
        var sent = ticket
        sent.localMediaPath = ByteText(paths[0])
        let done = try await bench.run(CleanupHandler(), sent)
        #expect(paths.allSatisfy { !bench.exists($0) })
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
        #expect(done.tempFiles == [])
        #expect(done.localMediaPath == nil)
    }

    @Test("does as well when it was cut off before, and nothing is left")
    func again() async throws {
        let bench = try HandlerBench(.cleanup, .image)
        for _ in 1...2 { _ = try await bench.run(CleanupHandler(), bench.ticket()) }
    }

    @Test("keeps the outcome that it is told, and finds it where an older producer names none")
    func outcome() async throws {
        let bench = try HandlerBench(.cleanup, .image)
        for outcome in JobOutcome.allCases {
            var ticket = bench.ticket()
            ticket.outcome = outcome
            #expect(try await bench.run(CleanupHandler(), ticket).outcome == outcome)
        }
        var failed = bench.ticket()
        failed.failure = JobFailure(stage: .upload, code: "test", message: "it failed", occurredAt: "", host: nil)
        #expect(try await bench.run(CleanupHandler(), failed).outcome == .failed)
        #expect(try await bench.run(CleanupHandler(), bench.ticket()).outcome == .completed)
    }
}
