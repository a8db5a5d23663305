import JobModel
import JobStore
import Logging
import Queues
import Settings
import TempFiles
import TestSupport
import Testing
import WorkerProtocol

@testable import SupervisorCore

@Suite struct JobViewTests {
    private let scratch = Scratch()

    @Test("An output is shown with fields of other versions, but not with what is nested in them")
    func outputs() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        let key = JobKey(kind: .image, id: "job-1")
        var ticket = Ticket(id: key.id, mediaID: "m", kind: .image)
        ticket.sourceKey = "k"
        var output = JobOutput(kind: .imageScaled, key: "images/m_360p.jpg")
        output.unknown = ["word": "w", "list": [[[1]]], "object": ["a": ["b": 1]]]
        ticket.outputs = [output]
        let bytes = ticket.json.serialized()
        _ = try await tracker.jobs.begin(
            key,
            StageMessage(stage: .upload, hop: 2, mediaID: "m", manifest: nil, ticket: bytes)
        )
        let record = try #require(try await tracker.jobs.job(key))
        let view = JobView(record, workers: [], limits: AttemptLimits(5), ticket: bytes)
        output.unknown = ["word": "w"]
        #expect(view.outputs == [output.json.value])
    }

    /// A pool whose only worker tells of the job.
    private static func pool(_ stage: Stage, _ job: String, progress: Int) -> PoolSnapshot {
        var pool = Pool(name: PoolName(stage: stage, kind: .image), wanted: 1)
        _ = pool.begin()
        _ = pool.started(slot: 1, processID: 1, at: .now)
        var report = WorkerReport(state: .ready, stage: stage)
        (report.job, report.progress) = (job, progress)
        _ = pool.reported(slot: 1, report, at: .now)
        return PoolSnapshot(pool, at: .now)
    }

    @Test("Progress is what clients were told, or what its worker has told since; clean-up of a failed job is none")
    func progress() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        let key = JobKey(kind: .image, id: "job-1")
        func progress(_ workers: [PoolSnapshot]) async throws -> Int {
            JobView(try #require(try await tracker.jobs.job(key)), workers: workers, limits: AttemptLimits(5)).progress
        }
        _ = try await tracker.jobs.begin(key, StageMessage(stage: .process, hop: 1, mediaID: "m", manifest: nil))
        _ = try await tracker.jobs.recordNews(key, percent: 10, step: "processing_image", interval: .zero)
        #expect(try await progress([Self.pool(.process, "job-1", progress: 50)]) == 45)
        #expect(try await progress([Self.pool(.process, "job-2", progress: 50)]) == 10)
        // It fails, and its files are removed.
        try await tracker.jobs.handedOver(key, to: .cleanup, hop: 2)
        let cleaning = Self.pool(.cleanup, "job-1", progress: 50)
        #expect(try await progress([cleaning]) == 10)
        _ = try await tracker.jobs.end(key, outcome: .failed, token: "t", record: [])
        #expect(try await progress([cleaning]) == 10)
    }

    @Test("A job that waits for a host or for room says so and since when, unless a worker has it or it is elsewhere")
    func waiting() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        let key = JobKey(kind: .image, id: "job-1")
        func view(_ workers: [PoolSnapshot] = []) async throws -> JobDetailView {
            let detail = try #require(try await tracker.jobs.detail(key, fileLimit: 1))
            return JobDetailView(detail, workers: workers, limits: AttemptLimits(5))
        }
        var ticket = Ticket(id: key.id, mediaID: "m", kind: .image)
        ticket.sourceKey = "k"
        let begin = StageMessage(
            stage: .download,
            hop: 0,
            mediaID: "m",
            manifest: nil,
            ticket: ticket.json.serialized()
        )
        _ = try await tracker.jobs.begin(key, begin)
        #expect(try await view().waiting == nil)
        ticket.waitingFor = HostWait(
            stage: .download,
            host: "h.example:443",
            message: "no answer",
            since: "2026-01-02T03:04:05Z"
        )
        try await tracker.jobs.willRetry(
            key,
            stage: .download,
            hop: 0,
            start: 1,
            attempt: 0,
            ticket: ticket.json.serialized()
        )
        let told = try await view()
        #expect(told.waiting?.what == .host && told.waiting?.host == "h.example:443")
        #expect(told.waiting?.text == "h.example:443 since 2026-01-02T03:04:05Z: no answer")
        #expect(try JSONText.decode(JobDetailView.self, from: try JSONText.encode(told)) == told)
        let lines = JobDetailText.lines(told, workingDirectory: "/", usesColours: false)
        #expect(lines.contains("  waits for  h.example:443 since 2026-01-02T03:04:05Z: no answer"), "\(lines)")
        #expect(try await view([Self.pool(.download, "job-1", progress: 1)]).waiting == nil)
        #expect(try await view([Self.pool(.download, "job-2", progress: 1)]).waiting != nil)
        try await tracker.jobs.handedOver(key, to: .process, hop: 1)
        #expect(try await view().waiting == nil)
        _ = try await tracker.jobs.recordNews(key, percent: 0, step: UpdateStep.waitingForSpace, interval: .zero)
        let space = try await view()
        #expect(space.waiting?.what == .space && space.waiting?.since == space.timeline.last?.at)
        #expect(space.waiting?.text.contains("TEMP_MAX_BYTES") == true)
        _ = try await tracker.jobs.end(key, outcome: .cancelled, token: "t", record: [])
        #expect(try await view().waiting == nil)
    }

    @Test("Of a job that did not complete only published outputs are shown, without the file that is gone")
    func published() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        for outcome in JobOutcome.allCases {
            let key = JobKey(kind: .image, id: ByteText(outcome.rawValue))
            var ticket = Ticket(id: key.id, mediaID: "m", kind: .image)
            ticket.outputs = ["a", "b"].map { JobOutput(kind: .imageScaled, key: $0) }
            ticket.outputs[0].location = "file:///srv/a"
            ticket.outputs[0].localPath = "/gone/a"
            ticket.outputs[1].localPath = "/gone/b"
            _ = try await tracker.jobs.begin(key, StageMessage(stage: .cleanup, hop: 3, mediaID: "m", manifest: nil))
            _ = try await tracker.jobs.end(key, outcome: outcome, token: "end", record: ticket.json.serialized())
            let record = try #require(try await tracker.jobs.job(key))
            let view = JobView(record, workers: [], limits: AttemptLimits(5))
            let shown = ticket.outputs.map(\.json.value)
            if outcome == .completed {
                #expect(view.outputs == shown)
            } else {
                ticket.outputs[0].localPath = nil
                #expect(view.outputs == [ticket.outputs[0].json.value])
            }
        }
    }

    @Test("A source is shown without what may be secret in it, and a key as it is")
    func source() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tracker = try TempFileTracker.open(temporaryDirectory: scratch.path, logger: logger)
        for (source, shown) in [
            ("https://user:secret@host/a.mov?sig=secret#x", "https://…@host/a.mov"), ("key:a?b#c", "key:a?b#c"),
            ("file:///srv/a.mov", "file:///srv/a.mov"),
        ] {
            let key = JobKey(kind: .image, id: ByteText(shown))
            let begin = ByteText(source)
            _ = try await tracker.jobs.begin(
                key,
                StageMessage(stage: .download, hop: 0, mediaID: "m", source: begin, manifest: nil)
            )
            let record = try #require(try await tracker.jobs.job(key))
            #expect(JobView(record, workers: [], limits: AttemptLimits(5)).source?.string == shown)
        }
    }
}
