import JobModel
import JobObjects
import RuntimeSupport
import StageRuntime
import Storage
import TempFiles
import TestSupport
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

    // MARK: - Objects

    /// A job that has put an object, and its output's file that was not released.
    private func uploadedTicket(_ bench: HandlerBench, _ store: any Store, _ outcome: JobOutcome) async throws -> Ticket
    {
        var ticket = bench.ticket()
        ticket.outcome = outcome
        try await bench.entering(ticket) { job in
            let path = try await bench.makeFile("outputs/one.jpg", [4], .output, of: job)
            let place = ByteText(store.description)
            let planned = JobObject(key: "images/one.jpg", store: place, state: .planned, name: "outputs/one.jpg")
            try await bench.tracker.planObjects([planned], job: job.key)
            let object = NewObject(path: path, key: try ObjectKey("images/one.jpg"), owner: job.key.objectOwner)
            let published = try await store.put(object) { _ in }
            let record = PublishedFile(
                key: "images/one.jpg",
                location: published.location,
                sizeBytes: 1,
                validator: published.validator?.bytes
            )
            try await bench.tracker.notePublished([ByteText(path): record], job: job.key, in: place)
        }
        return ticket
    }

    @Test("removes the objects of a job that did not complete, and of no other", arguments: JobOutcome.allCases)
    func objects(outcome: JobOutcome) async throws {
        let bench = try HandlerBench(.cleanup, .image)
        let store = try LocalDirectoryStore(creating: bench.directory + "/store")
        let ticket = try await uploadedTicket(bench, store, outcome)
        for _ in 1...2 { _ = try await bench.run(CleanupHandler(bench.services), ticket) }
        #expect((bench.object("images/one.jpg") == nil) == (outcome != .completed))
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
    }

    @Test("does not keep a temp file for a store that is away, and tries that again")
    func away() async throws {
        let bench = try HandlerBench(.cleanup, .image)
        let store = MemoryStore()
        let ticket = try await uploadedTicket(bench, store, .failed)
        store.fail(.delete, .transient(retryAfter: .seconds(7)))
        let removal = ObjectRemoval(bench.settings, bench.tracker, logger: bench.services.logger) { store }
        let handler = CleanupHandler(removal: removal)
        let failure = await #expect(throws: StageFailure.self) { try await bench.run(handler, ticket) }
        #expect(failure?.verdict == .transient && failure?.code == "objects_left")
        #expect(failure?.retryAfter == .seconds(7))
        #expect(try await bench.tracker.jobTempFiles(ticket.key).isEmpty)
        #expect(store.objects.count == 1)
        #expect(try await bench.run(handler, ticket).outcome == .failed)
        #expect(store.objects.isEmpty)
    }
}
