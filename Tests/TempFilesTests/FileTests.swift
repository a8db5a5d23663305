import Files
import Foundation
import Glibc
import JobModel
import JobStore
import Logging
import TempFilesSupport
import TestSupport
import Testing

@testable import TempFiles

@Suite struct FileTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    @Test func rowIsOnTheBooksBeforeTheFileIs() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.trackFile(
            NewFile(name: "thumbs/a/0.jpg", type: .output, description: "thumbnail"),
            job: video(),
            stage: .process
        )
        #expect(!exists(file.absolutePath))
        // As another process sees it.
        let other = try lab.tracker()
        let entry = try #require(try await other.jobTempFiles(video()).first)
        #expect(entry.path.string == file.absolutePath)
        #expect(entry.stage == .processing)
        #expect(entry.type == .output)
        #expect(entry.description == "thumbnail")
        #expect(entry.sizeBytes == 0)
        #expect(!entry.isMarkedForCleanup)
        #expect(entry.createdAt.flatMap { Timestamp.date($0) } != nil)
        try tracker.write(file, bytes: 10)
        lease.release()
    }

    @Test func commitThatIsCancelledPromisesNothing() async throws {
        let lease = try await tracker.lease(video())
        defer { lease.release() }
        let new = NewFile(name: "large", type: .output, description: "")
        let file = try await tracker.trackFile(new, job: video(), stage: .process)
        try tracker.write(file, bytes: 10)
        let tracker = tracker
        let commit = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await failure { try await tracker.commitFiles([file]) }
        }
        #expect(await commit.value?.code == .cancelled)
        #expect(try await tracker.jobTempFiles(video()).map(\.sizeBytes) == [0])
        #expect(try await tracker.commitFiles([file]).map(\.sizeBytes) == [10])
    }

    @Test func sizesAreRecordedWhileFilesGrowAndRealOnesWhenTheyAreWritten() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.trackFile(
            NewFile(name: "x", type: .input, description: ""),
            job: video(),
            stage: .download
        )
        try await tracker.recordSizes([file: 4000])
        #expect(
            try await tracker.statistics()[.video]
                == TempFileStatistics(totalJobs: 1, totalFiles: 1, totalSizeBytes: 4000)
        )
        try await tracker.recordSizes([file: -1])
        #expect(try await tracker.statistics()[.video]?.totalSizeBytes == 0)
        try await tracker.recordSizes([file: .max])
        try tracker.write(file, bytes: 12_345)
        let entries = try await tracker.commitFiles([file])
        #expect(entries.map(\.sizeBytes) == [12_345])
        #expect(try await tracker.statistics()[.video]?.totalSizeBytes == 12_345)
        #expect(FileStatus(path: file.absolutePath)?.permissions == 0o600)
        lease.release()
    }

    @Test func committedEntriesAreInTheOrderAskedFor() async throws {
        let lease = try await tracker.lease(video())
        let files = try await tracker.trackFiles(
            ["c", "d/a", "b"].map { NewFile(name: $0, type: .output, description: $0) },
            job: video(),
            stage: .process
        )
        try #require(files.count == 3)
        for (index, file) in files.enumerated() { try tracker.write(file, bytes: index) }
        let entries = try await tracker.commitFiles([files[2], files[0], files[1]])
        #expect(entries.map(\.description) == ["b", "c", "d/a"])
        #expect(entries.map(\.sizeBytes) == [2, 0, 1])
        #expect(try await tracker.commitFiles([]).isEmpty)
        lease.release()
    }

    @Test func missingFileIsNamedWhenItIsToBeCommitted() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.trackFile(
            NewFile(name: "gone", type: .output, description: ""),
            job: video(),
            stage: .process
        )
        let error = await failure { try await tracker.commitFiles([file]) }
        #expect(error?.code == .missingFile)
        #expect(error?.message.contains(file.absolutePath) == true)
        lease.release()
    }

    @Test func trackingANameAgainStartsItOver() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 100, job: video(), type: .input)
        try await tracker.markFileForCleanup("x", job: video())
        let again = NewFile(name: "x", type: .output, description: "again")
        _ = try await tracker.trackFile(again, job: video(), stage: .upload)
        let entries = try await tracker.jobTempFiles(video())
        #expect(entries.count == 1)
        #expect(entries.first?.isMarkedForCleanup == false)
        #expect(entries.first?.sizeBytes == 0)
        #expect(entries.first?.type == .output)
        #expect(entries.first?.stage == .uploading)
        lease.release()
    }

    @Test(arguments: [
        "", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "./x", ".lease", ".lease/x", "a\0b",
        String(repeating: "x", count: 256), Array(repeating: "d", count: 17).joined(separator: "/"),
        Array(repeating: String(repeating: "d", count: 200), count: 6).joined(separator: "/"),
    ])
    func namesThatCannotBeFilesOfTheJobAreRefused(_ name: String) async throws {
        let lease = try await tracker.lease(video())
        let files = [
            NewFile(name: "good", type: .output, description: ""), NewFile(name: name, type: .output, description: ""),
        ]
        let error = await failure { try await tracker.trackFiles(files, job: video(), stage: .process) }
        #expect(error?.code == .invalidName)
        #expect(error?.isRetriable == false)
        #expect(try await tracker.jobTempFiles(video()).isEmpty)
        lease.release()
    }

    @Test func sameNameInTwoJobsAndKindsIsTwoFiles() async throws {
        for job in [video("a"), video("b"), image("a")] {
            let lease = try await tracker.lease(job)
            try await tracker.makeFile("source", bytes: 10, job: job)
            lease.release()
        }
        #expect(
            try await tracker.statistics() == [
                .video: TempFileStatistics(totalJobs: 2, totalFiles: 2, totalSizeBytes: 20),
                .image: TempFileStatistics(totalJobs: 1, totalFiles: 1, totalSizeBytes: 10),
            ]
        )
    }

    @Test func fileIsCheckedForExistenceAndSize() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("d/x", bytes: 10, job: video())
        let directory = tracker.workspace.path + "/jobs/video/job-1"
        #expect(symlink(try lab.outsideFile("target"), directory + "/link") == 0)
        #expect(symlink(lab.temporaryDirectory, directory + "/away") == 0)
        let checks: [(String, Int64?, FileCheck)] = [
            (file.absolutePath, nil, .ok(sizeBytes: 10)), (file.absolutePath, 10, .ok(sizeBytes: 10)),
            ("d/x", 10, .ok(sizeBytes: 10)), (file.absolutePath, 9, .wrongSize(foundBytes: 10)),
            (directory + "/none", nil, .missing), (directory + "/none/none", nil, .missing),
            (directory + "/d/x/y", nil, .missing), (directory + "/d", nil, .foreign),
            (directory + "/link", nil, .foreign), (directory + "/away/target", nil, .foreign),
            ("/etc/passwd", nil, .foreign), (directory + "/../job-2/x", nil, .foreign), ("", nil, .foreign),
        ]
        for (path, bytes, expected) in checks {
            #expect(await tracker.verify(path: path, job: video(), expectedBytes: bytes) == expected, "\(path)")
        }
        #expect(await tracker.verify(path: "d/x", job: video("none"), expectedBytes: nil) == .missing)
        lease.release()
    }

    @Test func writingThroughALinkIsRefused() async throws {
        let lease = try await tracker.lease(video())
        let target = try lab.outsideFile("target")
        let file = try await tracker.trackFile(
            NewFile(name: "x", type: .output, description: ""),
            job: video(),
            stage: .process
        )
        #expect(symlink(target, file.absolutePath) == 0)
        for open in [tracker.openForWriting, tracker.openForReading] {
            let error = await failure { try open(file).close() }
            #expect(error?.code == .foreignPath)
        }
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "not ours")
        lease.release()
    }

    @Test("A file with a second name keeps its bytes when the job's file is made in its place")
    func otherNames() async throws {
        let lease = try await tracker.lease(video())
        let other = try lab.outsideFile("other")
        let file = try await tracker.trackFile(
            NewFile(name: "x", type: .input, description: ""),
            job: video(),
            stage: .download
        )
        #expect(link(other, file.absolutePath) == 0)
        let opened = try tracker.openForWriting(file)
        try opened.write(Array("ours".utf8))
        try opened.close()
        #expect(try String(contentsOfFile: other, encoding: .utf8) == "not ours")
        #expect(try String(contentsOfFile: file.absolutePath, encoding: .utf8) == "ours")
        #expect(FileStatus(path: other)?.linkCount == 1)
        // One that has no other name is emptied.
        try tracker.openForWriting(file).close()
        #expect(FileStatus(path: file.absolutePath)?.sizeBytes == 0)
        lease.release()
    }

    @Test func pipeInTheFilesPlaceDoesNotHoldTheCaller() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.trackFile(
            NewFile(name: "x", type: .output, description: ""),
            job: video(),
            stage: .process
        )
        #expect(mkfifo(file.absolutePath, 0o600) == 0)
        for open in [tracker.openForWriting, tracker.openForReading] {
            #expect(await failure { try open(file).close() }?.code == .fileSystem)
        }
        #expect(await failure { try await tracker.commitFiles([file]) } != nil)
        lease.release()
    }

    @Test func markedFileStaysUntilItIsCleanedUp() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("x", bytes: 1, job: video())
        try await tracker.markFileForCleanup(file.absolutePath, job: video())
        #expect(try await tracker.jobTempFiles(video()).map(\.isMarkedForCleanup) == [true])
        #expect(exists(file.absolutePath))
        try await tracker.markFileForCleanup("not in the ledger", job: video())
        for path in ["/etc/passwd", "../job-2/x", tracker.workspace.absolutePath(of: "x", job: video("job-2"))] {
            let error = await failure { try await tracker.markFileForCleanup(path, job: video()) }
            #expect(error?.code == .foreignPath)
        }
        lease.release()
    }

    @Test func everyOperationIsLoggedWithJobAndPath() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("x", bytes: 5, job: video())
        try await tracker.markFileForCleanup("x", job: video())
        _ = try await tracker.cleanupJobTempFiles(video())
        lease.release()
        let messages = [
            "temp file planned", "temp file written", "temp file marked for cleanup", "cleanup: temp file removed",
        ]
        for message in messages {
            let line = try #require(lab.log.lines.first { $0.message == message }, "\(message)")
            #expect(line.metadata["job.id"] == "job-1")
            #expect(line.metadata["job.kind"] == "video")
            #expect(line.metadata["file.path"] == file.absolutePath)
            #expect(line.level >= .info)
        }
        #expect(lab.log.lines.first { $0.message == "cleanup: temp file removed" }?.metadata["file.bytes"] == "5")
    }
}
