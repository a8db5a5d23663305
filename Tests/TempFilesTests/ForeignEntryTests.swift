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

@Suite struct ForeignEntryTests {
    let lab: Lab
    let tracker: TempFileTracker
    private let rules = SweepRules(graceTime: .seconds(3600), maximumSilence: .seconds(86_400))
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    private var jobs: String { tracker.workspace.path + "/jobs" }

    private func found() async throws -> [String: OrphanedFile] {
        let all = try await tracker.findOrphanedFiles(rules)
        return Dictionary(all.map { (String($0.path.dropFirst(jobs.count + 1)), $0) }) { $1 }
    }

    @Test func areReportedAtOnceRemovedLaterByNameAndNeverFollowed() async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("mine", bytes: 10, job: video())
        try await tracker.makeFile("shared", bytes: 10, job: video())
        lease.release()
        let directory = jobs + "/video/job-1"
        let target = try lab.outsideFile("target")
        #expect(symlink(target, directory + "/link") == 0)
        #expect(link(target, directory + "/hard") == 0)
        #expect(mkfifo(directory + "/pipe", 0o600) == 0)
        #expect(link(directory + "/shared", lab.temporaryDirectory + "/second name") == 0)
        #expect(symlink(lab.temporaryDirectory, jobs + "/image/link") == 0)
        let young = try await found()
        #expect(
            young.mapValues(\.detail) == [
                "video/job-1/link": "symbolic link", "video/job-1/hard": "file with other names",
                "video/job-1/pipe": "pipe, socket or device", "video/job-1/shared": "file with other names",
                "image/link": "symbolic link",
            ]
        )
        #expect(young.values.allSatisfy { $0.reason == .foreignEntry && !$0.isRemovable })
        #expect(try await tracker.cleanupOrphanedFiles(rules).filesCleaned == 0)
        #expect(lab.log.lines.filter { $0.level == .warning }.count == 5)

        lab.clock.advance(by: 7200)
        #expect(try await found().filter { !$0.value.isRemovable }.map(\.key) == ["video/job-1/shared"])
        #expect(try await tracker.cleanupOrphanedFiles(rules).filesCleaned == 4)
        #expect(try lab.leftovers() == ["job-1", "job-1/.lease", "job-1/mine", "job-1/shared"])
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "not ours")
        #expect(exists(lab.temporaryDirectory + "/second name"))
    }

    @Test func besideTheJobsAreReportedAndLeftAlone() async throws {
        let target = try lab.outsideFile("target")
        let places = ["stranger", "jobs/audio", "jobs/audio/file", "jobs/link", "ledger.sqlite.old"]
        #expect(mkdir(jobs + "/audio", 0o700) == 0)
        #expect(symlink(target, jobs + "/link") == 0)
        for name in ["stranger", "jobs/audio/file", "ledger.sqlite.old"] {
            try Data("theirs".utf8).write(to: URL(filePath: lab.workspacePath + "/" + name))
        }
        try Data().write(to: URL(filePath: lab.workspacePath + "/ledger.sqlite.corrupt-1"))
        #expect(mkfifo(lab.workspacePath + "/supervisor.lock", 0o600) == 0)
        lab.clock.advance(by: 1e9)
        let found = try await tracker.findOrphanedFiles(rules)
        #expect(
            found.map { String($0.path.dropFirst(lab.workspacePath.count + 1)) } == [
                "ledger.sqlite.old", "stranger", "jobs/audio", "jobs/link",
            ]
        )
        #expect(found.allSatisfy { $0.reason == .foreignEntry && $0.kind == nil && !$0.isRemovable })
        #expect(found.map(\.sizeBytes) == [6, 6, 0, 0])
        #expect(try await tracker.cleanupOrphanedFiles(rules).filesCleaned == 0)
        for name in places { #expect(access(lab.workspacePath + "/" + name, F_OK) == 0, "\(name)") }
        #expect(lab.log.lines.filter { $0.level == .warning }.count == 4)
    }

    @Test func directoryInATrackedFilesPlaceIsReportedAndLeftToTheJob() async throws {
        let lease = try await tracker.lease(video())
        let file = try await tracker.makeFile("x", bytes: 10, job: video())
        #expect(unlink(file.absolutePath) == 0 && mkdir(file.absolutePath, 0o700) == 0)
        lease.release()
        lab.clock.advance(by: 7200)
        let orphan = try #require(try await found()["video/job-1/x"])
        #expect(orphan.reason == .foreignEntry && !orphan.isRemovable)
        #expect(orphan.detail == "directory in a file's place")
        #expect(try await tracker.cleanupOrphanedFiles(rules).filesCleaned == 0)
        #expect(try await tracker.stuckFiles().isEmpty)
        #expect(exists(file.absolutePath))
    }

    @Test(
        .enabled(if: Mount.isPossible, "needs the right to mount"),
        arguments: ["video/mounted", "video/job-1/mounted"]
    )
    func mountedFileSystemIsReportedAndNeverEntered(_ place: String) async throws {
        let lease = try await tracker.lease(video())
        try await tracker.makeFile("x", bytes: 10, job: video())
        lease.release()
        let outside = lab.temporaryDirectory + "/outside"
        #expect(mkdir(outside, 0o700) == 0)
        let precious = try lab.outsideFile("outside/precious")
        // A directory of the same device: only the kernel can tell it from one of ours.
        #expect(mkdir(jobs + "/" + place, 0o700) == 0)
        #expect(Mount.bind(outside, jobs + "/" + place))
        defer { Mount.undo(jobs + "/" + place) }
        lab.clock.advance(by: 7200)
        let orphan = try #require(try await found()[place])
        #expect(orphan.reason == .foreignEntry && !orphan.isRemovable)
        #expect(orphan.detail == "mounted file system")
        let report = try await tracker.cleanupOrphanedFiles(rules)
        #expect(report.filesCleaned == 0 && report.failures.isEmpty)
        #expect(exists(precious))
        #expect(exists(jobs + "/video/job-1/x"))
    }
}

private enum Mount {
    static let isPossible: Bool = {
        var template = Array("/tmp/temp-files-mount-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return false }
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { rmdir(path) }
        guard bind(path, path) else { return false }
        undo(path)
        return true
    }()

    static func bind(_ source: String, _ target: String) -> Bool {
        mount(source, target, nil, UInt(MS_BIND), nil) == 0
    }

    static func undo(_ target: String) { umount(target) }
}
