import AMQP
import Files
import Foundation
import JobModel
import JobStore
import Logging
import Queues
import RuntimeSupport
import StageRuntime
import Synchronization
import TempFiles
import Testing

/// A stage that adds files to its plan while it works, from its message to the end of its job: in simulated time, with
/// a real ledger and real files.
@Suite("The work of a stage whose plan grows")
final class GrowingPlanTests: Sendable {
    private static let segments = 5
    private static let key = JobKey(kind: .video, id: "job")

    private let directory = "/tmp/growing-plan-\(UUID().uuidString.lowercased())"
    private let world: SimulatedWorld
    private let test: SimulatedProcess

    init() throws {
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        world = try SimulatedWorld(.video, ["LONG_WORK_SECONDS": "60"])
        test = SimulatedProcess(world.simulation, name: "test")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    @Test("hands all its files on, and nothing is left after clean-up")
    func undisturbed() async throws {
        let tracker = try tracker()
        try await world.simulation.run(in: test) { [self] in
            submit(to: .process)
            // 150 s of work: a watch ticket stands in for the message after 60 s.
            try await work(.process, as: 1).finish()
            try await expectAllFiles(tracker)
        }
        #expect(world.journal.entries.contains { $0.hasSuffix("watch") })
        try await cleanUp()
    }

    @Test("begins anew after a drain, with the files of the first worker out of the way")
    func drained() async throws {
        let tracker = try tracker()
        try await world.simulation.run(in: test) { [self] in
            submit(to: .process)
            let first = try work(.process, as: 1)
            // A segment each 30 s.
            try await test.sleep(for: .seconds(75))
            let manifest = try await tracker.jobTempFiles(Self.key)
            #expect(names(manifest) == ["index.m3u8", "0.ts", "1.ts"])
            #expect(manifest.map(\.sizeBytes) == [1, 1, 2])
            first.cancel()
            await first.finish()
            // Drained, so the start is taken back and the job is free: its watch ticket brings it to the next worker.
            #expect(try await tracker.jobs.job(Self.key)?.stage == .process)
            try await work(.process, as: 2).finish()
            try await expectAllFiles(tracker)
        }
        try await cleanUp()
    }

    // MARK: - The stage

    private func tracker() throws -> TempFileTracker {
        let simulation = world.simulation
        let logger = Logger(label: "growing") { _ in SwiftLogNoOpLogHandler() }
        return try TempFileTracker.open(temporaryDirectory: directory, logger: logger, now: { simulation.date })
    }

    /// Has a new worker, with a ledger connection of its own, settle the next message of the stage.
    private func work(_ stage: Stage, as life: Int) throws -> SimulatedTask {
        let process = SimulatedProcess(world.simulation, name: "\(stage.rawValue).video.\(life)")
        let worker = try world.worker(stage, process, on: try tracker()) { job in
            if job.stage == .cleanup {
                let report = try await job.tracker.cleanupJobTempFiles(job.key)
                #expect(report.failures.isEmpty && report.filesCleaned == Self.segments + 1)
                var ticket = job.ticket
                ticket.tempFiles = []
                return ticket
            }
            return try await Self.grow(job, process)
        }
        let queue = world.layout.work(.video, stage)
        return SimulatedTask(in: process) { try? await worker.runNext(of: queue) }
    }

    /// Plans an index, and adds a segment each 30 s.
    private static func grow(_ job: JobContext, _ process: SimulatedProcess) async throws -> Ticket {
        let left = job.files.filter { $0.type == .output }.map(\.path.string)
        let report = await job.tracker.releaseFiles(left, job: job.key)
        #expect(report.failures.isEmpty)
        let plan = try await job.tracker.planFiles([file("index.m3u8")], job: job.key, stage: job.stage, within: budget)
        guard case .planned(let files, let allowance) = plan else { throw HandlerBenchError(description: "no room") }
        try await write(files, bytes: 1, job, allowance)
        for number in 0..<segments {
            try await process.sleep(for: .seconds(30))
            let added = try await job.tracker.addFiles(
                [file("\(number).ts")],
                job: job.key,
                stage: job.stage,
                counting: allowance
            )
            try await write(added, bytes: number + 1, job, allowance)
        }
        return job.ticket
    }

    private static let budget = DiskBudget(maximumBytes: 64 << 20, minimumFreeBytes: 0)

    private static func file(_ name: String) -> NewFile {
        NewFile(name: "outputs/" + name, type: .output, description: "segment")
    }

    private static func write(
        _ files: [TrackedFile],
        bytes: Int,
        _ job: JobContext,
        _ allowance: SpaceAllowance
    ) async throws {
        for file in files {
            try allowance.grow(file.name, to: Int64(bytes))
            let open = try job.tracker.openForWriting(file)
            try open.write([UInt8](repeating: 7, count: bytes))
            try open.close()
        }
        try await job.tracker.commitFiles(files)
    }

    // MARK: - The world around it

    private func submit(to stage: Stage) {
        var ticket = Ticket(id: Self.key.id, mediaID: "media", kind: .video)
        ticket.sourceKey = "source.mp4"
        ticket.hop = 1
        ticket.transfer = "token"
        world.broker.store(AMQPMessage(ticket), in: world.queue(of: stage))
    }

    private func names(_ manifest: [TempFileEntry]) -> [String] {
        manifest.map { ($0.path.string as NSString).lastPathComponent }
    }

    /// Expects every file in the message for the next stage, as it is on disk.
    private func expectAllFiles(_ tracker: TempFileTracker) async throws {
        let messages = world.broker.messages(in: world.queue(of: .upload))
        let ticket = try Ticket(parsing: try #require(messages.first).body, expecting: .video)
        let manifest = try #require(ticket.tempFiles)
        #expect(messages.count == 1)
        #expect(names(manifest) == ["index.m3u8"] + (0..<Self.segments).map { "\($0).ts" })
        #expect(manifest.map(\.sizeBytes) == [1] + (1...Self.segments).map(Int64.init))
        for file in manifest {
            #expect(FileManager.default.contents(atPath: file.path.string)?.count == Int(file.sizeBytes))
        }
        let known = try await tracker.jobTempFiles(Self.key)
        #expect(known.map(\.path) == manifest.map(\.path))
        let record = try #require(try await tracker.jobs.job(Self.key))
        #expect(record.stage == .upload)
    }

    /// The upload's message goes on to the clean-up stage, which ends the job.
    private func cleanUp() async throws {
        try await world.simulation.run(in: test) { [self] in
            let message = try #require(world.broker.messages(in: world.queue(of: .upload)).first)
            var ticket = try Ticket(parsing: message.body, expecting: .video)
            ticket.hop += 1
            ticket.outcome = .completed
            world.broker.store(AMQPMessage(ticket), in: world.queue(of: .cleanup))
            try await work(.cleanup, as: 1).finish()
        }
        let tracker = try tracker()
        let record = try #require(try await tracker.jobs.job(Self.key))
        #expect(record.state == .finished && record.outcome == .completed)
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
        #expect(try await tracker.reservedBytes() == 0)
        #expect(try FileManager.default.subpathsOfDirectory(atPath: directory + "/media-processor/jobs/video") == [])
    }
}
