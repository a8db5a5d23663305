import Files
import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import TestSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct CleanupTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private var directory: String { tracker.workspace.path + "/jobs/video/job-1" }

    @Test func removesFilesStraysAndDirectoryAndSaysHowMuch() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("source.mp4", bytes: 8192, job: video(), type: .input)
        try await tracker.makeFile("thumbs/0.jpg", bytes: 4096, job: video(), type: .output)
        _ = try await tracker.trackFile(
            NewFile(name: "planned", type: .output, description: ""),
            job: video(),
            stage: .process
        )
        try Data(count: 4096).write(to: URL(fileURLWithPath: directory + "/thumbs/stray"))
        #expect(
            try await tracker.statistics()[.video]
                == TempFileStatistics(totalJobs: 1, totalFiles: 3, totalSizeBytes: 12_288)
        )
        let report = try await tracker.cleanupJobTempFiles(video())
        #expect(report.filesCleaned == 3)
        #expect(report.bytesFreed == 16_384)
        #expect(report.failures.isEmpty)
        #expect(report.duration > .zero)
        #expect(try lab.leftovers() == [])
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
        #expect(try await tracker.jobTempFiles(video()).isEmpty)
        // A repeated delivery finds nothing left to do.
        #expect(try await tracker.cleanupJobTempFiles(video()).filesCleaned == 0)
        lease.release()
    }

    @Test func needsTheLease() async throws {
        let error = await failure { _ = try await tracker.cleanupJobTempFiles(video()) }
        #expect(error?.code == .leaseNotHeld)
        let other = try lab.tracker()
        let lease = try await other.lease(video())
        try await other.makeFile("x", bytes: 1, job: video())
        #expect(await failure { _ = try await tracker.cleanupJobTempFiles(video()) }?.code == .leaseNotHeld)
        #expect(exists(directory + "/x"))
        lease.release()
    }

    @Test func leaseOfARemovedDirectoryIsNoRightToItsSuccessor() async throws {
        let other = try lab.tracker()
        let first = try await tracker.lease(video())
        _ = try await tracker.cleanupJobTempFiles(video())
        let second = try await other.lease(video())
        try await other.makeFile("x", bytes: 1, job: video())
        #expect(await failure { _ = try await tracker.cleanupJobTempFiles(video()) }?.code == .leaseNotHeld)
        first.releaseRemovingEmptyDirectory()
        #expect(exists(directory + "/x"))
        second.release()
    }

    @Test func plantedThingsAreRemovedByNameAndNeverFollowed() async throws {
        let lease = try await tracker.lease(video())
        let target = try lab.outsideFile("target")
        let outside = lab.temporaryDirectory + "/outside"
        #expect(mkdir(outside, 0o700) == 0)
        let precious = try lab.outsideFile("outside/precious")
        try await tracker.makeFile("out/x", bytes: 5, job: video())
        #expect(symlink(target, directory + "/link") == 0)
        #expect(symlink(outside, directory + "/directory-link") == 0)
        #expect(symlink("/nowhere", directory + "/dangling") == 0)
        #expect(link(target, directory + "/hard") == 0)
        #expect(mkfifo(directory + "/pipe", 0o600) == 0)
        #expect(mkdir(directory + "/sub", 0o700) == 0)
        #expect(symlink(outside, directory + "/sub/deeper") == 0)
        #expect(try bindSocket(directory + "/socket"))
        // A name that is no valid UTF-8.
        let bytes: [CChar] = (directory + "/").utf8CString.dropLast() + [-1, -2, 0]
        let raw = creat(bytes, 0o600)
        #expect(raw >= 0 && close(raw) == 0)
        let report = try await tracker.cleanupJobTempFiles(video())
        #expect(report.filesCleaned == 9)
        #expect(report.failures.isEmpty)
        #expect(try lab.leftovers() == [])
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "not ours")
        #expect(try String(contentsOfFile: precious, encoding: .utf8) == "not ours")
        lease.release()
    }

    @Test func directorySwappedForALinkLeadsNowhere() async throws {
        let lease = try await tracker.lease(video())
        let outside = lab.temporaryDirectory + "/outside"
        #expect(mkdir(outside, 0o700) == 0)
        let precious = try lab.outsideFile("outside/x")
        try await tracker.makeFile("out/x", bytes: 5, job: video())
        #expect(rename(directory + "/out", lab.temporaryDirectory + "/moved") == 0)
        #expect(symlink(outside, directory + "/out") == 0)
        let released = await tracker.releaseFiles(["out/x"], job: video())
        #expect(released.failures == [.init(path: directory + "/out/x", errno: ELOOP)])
        let report = try await tracker.cleanupJobTempFiles(video())
        #expect(report.filesCleaned == 1)
        #expect(report.failures.isEmpty)
        #expect(exists(precious))
        #expect(exists(lab.temporaryDirectory + "/moved/x"))
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
        lease.release()
    }

    // To Swift `/` and a combining mark are one character that is no slash; the kernel sees a directory and follows it.
    @Test func markOnASlashLeadsThroughNoLink() async throws {
        let lease = try await tracker.lease(video())
        let outside = lab.temporaryDirectory + "/outside"
        #expect(mkdir(outside, 0o700) == 0)
        let precious = try lab.outsideFile("outside/\u{301}y")
        try await tracker.makeFile("kept", bytes: 5, job: video())
        #expect(symlink(outside, directory + "/x") == 0)
        let name = "x/\u{301}y"
        let released = await tracker.releaseFiles([name, directory + "/" + name], job: video())
        #expect(released.filesCleaned == 0)
        #expect(released.failures.allSatisfy { $0.errno == ELOOP } && !released.failures.isEmpty)
        #expect(await tracker.verify(path: directory + "/" + name, job: video(), expectedBytes: nil) == .foreign)
        #expect(exists(precious))
        lease.release()
    }

    @Test func filesWithAMarkOnASlashAreMadeAndRemoved() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x/\u{301}y", bytes: 5, job: video())
        #expect(exists(directory + "/x/\u{301}y"))
        #expect(try await tracker.cleanupJobTempFiles(video()).filesCleaned == 1)
        #expect(try lab.leftovers() == [])
        lease.release()
    }

    @Test func bytesCountOnlyWhenTheLastNameGoes() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 4096, job: video())
        #expect(link(directory + "/x", lab.temporaryDirectory + "/second-name") == 0)
        try await tracker.makeFile("y", bytes: 4096, job: video())
        #expect(link(directory + "/y", directory + "/z") == 0)
        let report = try await tracker.cleanupJobTempFiles(video())
        #expect(report.filesCleaned == 3)
        #expect(report.bytesFreed == 4096)
        lease.release()
    }

    @Test func releasedFilesAreGoneAndOffTheBooks() async throws {
        let lease = try await tracker.lease(video())
        let output = try await tracker.makeFile("out/360p.mp4", bytes: 4096, job: video(), type: .output)
        try await tracker.makeFile("source", bytes: 10, job: video(), type: .input)
        let report = await tracker.releaseFiles([output.absolutePath, "never there"], job: video())
        #expect(report.filesCleaned == 1)
        #expect(report.bytesFreed == 4096)
        #expect(report.failures.isEmpty)
        #expect(try await tracker.jobTempFiles(video()).map { baseName($0.path.string) } == ["source"])
        #expect(!exists(output.absolutePath))
        lease.release()
    }

    // unlink refuses a directory, whoever asks.
    @Test func failedReleaseStaysOnTheBooks() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("x", bytes: 10, job: video(), type: .output)
        #expect(unlink(file.absolutePath) == 0)
        #expect(mkdir(file.absolutePath, 0o700) == 0)
        let report = await tracker.releaseFiles(["x"], job: video())
        #expect(report.filesCleaned == 0)
        #expect(report.failures == [.init(path: file.absolutePath, errno: EISDIR)])
        #expect(try await tracker.jobTempFiles(video()).map(\.isMarkedForCleanup) == [true])
        // The clean-up of the whole job empties directories too.
        #expect(try await tracker.cleanupJobTempFiles(video()).failures.isEmpty)
        #expect(try await tracker.jobTempFiles(video()).isEmpty)
        lease.release()
    }

    @Test(.enabled(if: Immutable.isPossible, "needs the right to make a file immutable"))
    func fileThatCannotBeRemovedStaysOnTheBooksUntilASweepCan() async throws {
        let lease = try await tracker.lease(video())
        let stuck = try await tracker.makeFile("d/stuck", bytes: 4096, job: video())
        try await tracker.makeFile("free", bytes: 4096, job: video())
        #expect(Immutable.set(stuck.absolutePath, true))
        let report = try await tracker.cleanupJobTempFiles(video())
        _ = try await tracker.jobs.end(video(), outcome: .completed, token: "end", record: [])
        lease.release()
        #expect(report.filesCleaned == 1)
        #expect(report.failures == [.init(path: stuck.absolutePath, errno: EPERM)])
        #expect(try await tracker.statistics()[.video]?.totalFiles == 1)
        #expect(try await tracker.jobTempFiles(video()).map(\.isMarkedForCleanup) == [true])
        #expect(try await attempts("d/stuck") == 1)
        let orphans = try await tracker.findOrphanedFiles(SweepRules(graceTime: .seconds(3600)))
        #expect(orphans.map(\.path) == [stuck.absolutePath])
        #expect(orphans.map(\.reason) == [.finishedJob])
        let second = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero))
        #expect(second.failures == [.init(path: stuck.absolutePath, errno: EPERM)])
        #expect(try await attempts("d/stuck") == 2)
        #expect(try await tracker.jobs.forgetFinishedJobs(olderThan: .zero) == 0)
        #expect(Immutable.set(stuck.absolutePath, false))
        let third = try await tracker.cleanupOrphanedFiles(SweepRules(graceTime: .zero))
        #expect(third.filesCleaned == 1)
        #expect(third.failures.isEmpty)
        #expect(try lab.leftovers() == [])
        #expect(try await tracker.statistics()[.video] == TempFileStatistics())
    }

    @Test func allIsCleanedUpButWhatIsWorkedOn() async throws {
        let other = try lab.tracker()
        let busy = try await other.lease(image("busy"))
        try await other.makeFile("x", bytes: 4096, job: image("busy"))
        for id in ["a", "b"] {
            let lease = try await tracker.lease(video(id))
            try await tracker.makeFile("x", bytes: 4096, job: video(id))
            lease.release()
        }
        // A row without a directory, a directory without a row, a file where directories belong.
        _ = try await tracker.trackFile(
            NewFile(name: "x", type: .output, description: ""),
            job: video("c"),
            stage: .process
        )
        #expect(mkdir(lab.workspacePath + "/jobs/video/unknown", 0o700) == 0)
        _ = try lab.outsideFile("media-processor/jobs/video/unknown/x")
        _ = try lab.outsideFile("media-processor/jobs/image/stray")
        let report = try await tracker.cleanupAllTempFiles()
        #expect(report.filesCleaned == 4)
        #expect(report.failures.isEmpty)
        #expect(try lab.leftovers() == ["busy", "busy/.lease", "busy/x"])
        #expect(
            try await tracker.statistics() == [
                .video: TempFileStatistics(),
                .image: TempFileStatistics(totalJobs: 1, totalFiles: 1, totalSizeBytes: 4096),
            ]
        )
        busy.release()
    }

    private func attempts(_ name: String) async throws -> Int64? {
        try await tracker.ledger.read { books in
            guard let row = try books.job(video()) else { return nil }
            return try books.files(job: row.number).first { $0.name == name }?.attempts
        }
    }

    private func bindSocket(_ path: String) throws -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

/// The immutable attribute: not even root unlinks a file that has it.
