import Foundation
import Glibc
import JobModel
import JobStore
import Logging
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct ManifestTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private func entry(_ path: String, isMarked: Bool = false) -> TempFileEntry {
        TempFileEntry(
            path: ByteText(path),
            stage: .downloading,
            createdAt: "2024-05-06T07:08:09.000Z",
            sizeBytes: 99,
            type: .input,
            description: "source",
            isMarkedForCleanup: isMarked
        )
    }

    @Test func importsFilesThatTheBooksHaveLost() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("d/source", bytes: 42, job: video(), type: .input, stage: .download)
        lease.release()
        let manifest = try await tracker.jobTempFiles(video())
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
            unlink(lab.workspacePath + "/" + name)
        }
        let fresh = try lab.tracker()
        #expect(try await fresh.jobs.job(video()) == nil)
        let again = try await fresh.lease(video())
        var told = manifest
        try #require(told.count == 1)
        told[0].unknown = ["future": ["a": 1]]
        told.append(entry(fresh.workspace.absolutePath(of: "missing", job: video())))
        #expect(
            try await fresh.jobs.begin(video(), StageMessage(stage: .process, hop: 1, mediaID: "m", manifest: told))
                == .proceed(starts: 1, progress: 0)
        )
        var expected = manifest
        expected[0].unknown = ["future": ["a": 1]]
        #expect(try await fresh.jobTempFiles(video()) == expected)
        #expect(try await fresh.statistics()[.video]?.totalSizeBytes == 42)
        #expect(try await fresh.cleanupJobTempFiles(video()).filesCleaned == 1)
        #expect(!exists(file.absolutePath))
        again.release()
    }

    @Test func importKeepsMarksAndDates() async throws {
        let lease = try await tracker.lease(video())
        let path = tracker.workspace.absolutePath(of: "x", job: video())
        try Data("four".utf8).write(to: URL(fileURLWithPath: path))
        _ = try await tracker.jobs.begin(
            video(),
            StageMessage(
                stage: .process,
                hop: 1,
                mediaID: "",
                manifest: [entry(path, isMarked: true)]
            )
        )
        var expected = entry(path, isMarked: true)
        expected.sizeBytes = 4
        #expect(try await tracker.jobTempFiles(video()) == [expected])
        lease.release()
    }

    @Test func booksKnowBetterThanAManifest() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("x", bytes: 10, job: video())
        let before = try await tracker.jobTempFiles(video())
        _ = try await tracker.jobs.begin(
            video(),
            StageMessage(
                stage: .process,
                hop: 1,
                mediaID: "",
                manifest: [entry(file.absolutePath, isMarked: true)]
            )
        )
        #expect(try await tracker.jobTempFiles(video()) == before)
        lease.release()
    }

    @Test func pathsElsewhereAreIgnoredAndNeverTouched() async throws {
        let outside = try lab.outsideFile("outside")
        let neighbour = try await tracker.lease(video("job-2"))
        let neighbours = try await tracker.makeFile("x", bytes: 1, job: video("job-2"))
        neighbour.release()
        let lease = try await tracker.lease(video())
        let own = tracker.workspace.path + "/jobs/video/job-1"
        #expect(symlink(outside, own + "/link") == 0)
        #expect(symlink(lab.temporaryDirectory, own + "/away") == 0)
        let foreign = [
            "/etc/passwd", outside, neighbours.absolutePath, own + "/../job-2/x", own + "//x", own, "", "../job-2/x",
            tracker.workspace.path + "/ledger.sqlite", own + "/.lease", own + "/a\0b", own + "/./link",
        ]
        let planted = [own + "/link", own + "/away", own + "/away/outside"]
        _ = try await tracker.jobs.begin(
            video(),
            StageMessage(
                stage: .cleanup,
                hop: 3,
                mediaID: "",
                manifest: (foreign + planted).map { entry($0) }
            )
        )
        #expect(try await tracker.jobTempFiles(video()).isEmpty)
        // One line, however many a stranger names.
        let warned = lab.log.lines.filter { $0.level == .warning }
        #expect(warned.map { $0.metadata["file.path"] } == [foreign[0]])
        #expect(warned.first?.metadata["file.count"] == "\(foreign.count)")
        let released = await tracker.releaseFiles(foreign + [own + "/away/outside"], job: video())
        #expect(released.filesCleaned == 0)
        #expect(released.failures.map(\.path) == foreign + [own + "/away/outside"])
        let report = try await tracker.cleanupJobTempFiles(video())
        #expect(report.filesCleaned == 2)
        #expect(report.failures.isEmpty)
        #expect(try String(contentsOfFile: outside, encoding: .utf8) == "not ours")
        #expect(exists(neighbours.absolutePath))
        #expect(exists("/etc/passwd"))
        lease.release()
    }

    @Test func staleOrFinishedMessageImportsNothing() async throws {
        let lease = try await tracker.lease(video())
        let path = tracker.workspace.absolutePath(of: "x", job: video())
        try Data("four".utf8).write(to: URL(fileURLWithPath: path))
        try await tracker.jobs.handedOver(video(), to: .upload, hop: 5)
        #expect(
            try await tracker.jobs.begin(
                video(),
                StageMessage(stage: .process, hop: 1, mediaID: "", manifest: [entry(path)])
            )
                == .stale(currentHop: 5)
        )
        #expect(try await tracker.jobTempFiles(video()).isEmpty)
        lease.release()
    }
}
