import Foundation
import JobModel
import JobStore
import Logging
import Queues
import Synchronization
import TempFiles
import TestSupport
import Testing

@Suite("A step of the clock")
struct ClockTests {
    private static let day = 86_400.0

    @Test(
        "by a day, forth, back or both, deletes nothing that is alive",
        arguments: [[day], [-day], [day, -2 * day], [-day, 2 * day]]
    )
    func steps(_ steps: [Double]) async throws {
        let directory = "/tmp/media-processor-test-\(UUID().uuidString.lowercased())"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let offset = Mutex(0.0)
        let now: @Sendable () -> Date = { Date().addingTimeInterval(offset.withLock { $0 }) }
        let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let worker = try TempFileTracker.open(temporaryDirectory: directory, logger: log, now: now)
        // Its own locks, as another process would have.
        let sweeper = try TempFileTracker.open(temporaryDirectory: directory, logger: log, now: now)

        let waiting = try await job("waiting", worker, makes: ["source", "outputs/one"])
        waiting.lease.release()
        let atWork = try await job("at-work", worker, makes: ["source"])
        // A library's own scratch file has no row in the ledger while its job is worked on.
        let scratch = atWork.directory + "/scratch"
        try Data("scratch".utf8).write(to: URL(filePath: scratch))
        let planned = NewFile(name: "outputs/two", type: .output, description: "not made yet")
        _ = try await worker.trackFile(planned, job: atWork.key, stage: .process)

        for step in steps {
            offset.withLock { $0 += step }
            _ = try await sweeper.cleanupOrphanedFiles(
                SweepRules(graceTime: .seconds(3600), maximumSilence: .seconds(3600))
            )
            _ = try await sweeper.jobs.forgetFinishedJobs(olderThan: .seconds(3600))
            for path in waiting.paths + atWork.paths + [scratch] {
                #expect(access(path, F_OK) == 0, "\(path) after \(step) s")
            }
            #expect(try await sweeper.jobTempFiles(waiting.key).count == 2)
            #expect(try await sweeper.jobTempFiles(atWork.key).count == 2)
            #expect(try await sweeper.jobs.job(waiting.key)?.state == .active)
            // Time goes on for the living: the next stage starts as if nothing had been.
            guard case .acquired(let lease) = try await sweeper.acquireLease(waiting.key, timeout: .zero) else {
                Issue.record("the waiting job cannot be worked on")
                return
            }
            lease.release()
        }
        // Beyond the step, cleaning still works.
        atWork.lease.release()
        let report = try await sweeper.cleanupAllTempFiles()
        #expect(report.filesCleaned == 4)
        #expect(report.failures == [])
    }

    private struct Made {
        var key: JobKey
        var lease: JobLease
        var directory: String
        var paths: [String]
    }

    private func job(_ id: String, _ tracker: TempFileTracker, makes names: [String]) async throws -> Made {
        let key = JobKey(kind: .image, id: ByteText(id))
        guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else {
            throw TestTree.Failure(description: "no lease of \(id)")
        }
        let new = names.map { NewFile(name: $0, type: .intermediate, description: "made") }
        let files = try await tracker.trackFiles(new, job: key, stage: .download)
        for file in files { try Data(file.name.utf8).write(to: URL(filePath: file.absolutePath)) }
        try await tracker.commitFiles(files)
        let directory = tracker.workspace.path + "/" + tracker.workspace.directory(of: key)
        return Made(key: key, lease: lease, directory: directory, paths: files.map(\.absolutePath))
    }
}
