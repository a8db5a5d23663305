import Files
import Foundation
import Glibc
import JobModel
import JobStore
import TempFilesSupport
import Testing

@testable import Ledger
@testable import TempFiles

@Suite struct WorkspaceTests {
    let lab: Lab
    init() throws { lab = try Lab() }

    @Test func isMadePrivateWithADirectoryForEachKind() throws {
        let workspace = try Workspace.open(temporaryDirectory: lab.temporaryDirectory + "/deeper/still")
        #expect(workspace.path == lab.temporaryDirectory + "/deeper/still/media-processor")
        #expect(try workspace.root.status().permissions == 0o700)
        #expect(try workspace.root.openDirectory("jobs").entryNames().sorted() == ["image", "video"])
    }

    @Test func isTheSameWhicheverWayTheTemporaryDirectoryIsSpelled() throws {
        let link = lab.temporaryDirectory + "-link"
        #expect(symlink(lab.temporaryDirectory, link) == 0)
        defer { unlink(link) }
        let direct = try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        for spelling in [link, lab.temporaryDirectory + "/", lab.temporaryDirectory + "/./../" + lab.name] {
            #expect(try Workspace.open(temporaryDirectory: spelling).path == direct.path)
        }
    }

    @Test func isRefusedWhenItIsALink() throws {
        let elsewhere = lab.temporaryDirectory + "/elsewhere"
        #expect(mkdir(elsewhere, 0o700) == 0)
        #expect(symlink(elsewhere, lab.workspacePath) == 0)
        let error = #expect(throws: TempFileError.self) {
            try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        }
        #expect(error?.code == .workspaceUnusable)
        #expect(error?.isRetriable == false)
        #expect(error?.message.contains("symbolicLink; remove it, or set TEMP_DIR elsewhere") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere) == [])
    }

    @Test(arguments: [0o770, 0o702, 0o777])
    func isRefusedWhenOthersMayWrite(_ mode: Int) throws {
        #expect(mkdir(lab.workspacePath, 0o700) == 0)
        #expect(chmod(lab.workspacePath, mode_t(mode)) == 0)
        let error = #expect(throws: TempFileError.self) {
            try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        }
        #expect(error?.code == .workspaceUnusable)
        #expect(error?.message.contains("chmod 700 \(lab.workspacePath)") == true)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a directory away"))
    func isRefusedWhenItBelongsToAnotherUser() throws {
        #expect(mkdir(lab.workspacePath, 0o700) == 0)
        #expect(chown(lab.workspacePath, 65534, 65534) == 0)
        let error = #expect(throws: TempFileError.self) {
            try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        }
        #expect(error?.code == .workspaceUnusable)
        #expect(error?.message.contains("belongs to user 65534") == true)
        #expect(error?.message.contains("`setpriv --reuid=65534 --regid=") == true)
        #expect(error?.message.contains("remove it") == false)
    }

    @Test(arguments: ["", "a\0b", "/dev/null", "/proc/none/x"])
    func isRefusedWhereNoDirectoryCanBe(_ directory: String) {
        let error = #expect(throws: TempFileError.self) { try Workspace.open(temporaryDirectory: directory) }
        #expect(error?.code == .workspaceUnusable)
    }

    @Test(arguments: ["a", "job-1", "9f_3.mp4", String(repeating: "x", count: 128), String(repeating: "a", count: 64)])
    func plainIDsNameTheirOwnDirectory(_ id: String) {
        #expect(JobKey(kind: .video, id: ByteText(id)).directoryName == id)
    }

    @Test(arguments: [
        "", ".", "..", "../../etc", "a/b", "/etc/passwd", ".hidden", "a b", "🎬", "é", "a\0b", "sha256-",
        String(repeating: "x", count: 129), String(repeating: "é", count: 128),
        "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ])
    func otherIDsAreReplacedByTheirHash(_ id: String) {
        let name = JobKey(kind: .video, id: ByteText(id)).directoryName
        #expect(name.hasPrefix("sha256-"))
        #expect(name.utf8.count == 71)
        #expect(name != id)
    }

    @Test func hashIsThatOfTheBytes() {
        let name = JobKey(kind: .video, id: ByteText("")).directoryName
        #expect(name == "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(JobKey(kind: .video, id: ByteText(name)).directoryName != name)
    }

    @Test(arguments: [
        ("source.mp4", "source.mp4"), ("thumbs/0.jpg", "thumbs/0.jpg"), ("a b", "a b"), ("..a", "..a"),
        ("", nil), (".", nil), ("..", nil), ("../job-2/x", nil), ("a/../x", nil), ("a//b", nil), ("./a", nil),
        ("a/", nil), ("..\u{2F}\u{301}x", nil),
    ])
    func pathsInsideAJobsDirectoryHaveANameAndOthersHaveNot(_ rest: String, _ expected: String?) throws {
        let workspace = try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        let path = workspace.path + "/jobs/video/job-1/" + rest
        #expect(workspace.relativePath(ofJobFile: path, job: video()) == expected)
    }

    @Test func pathsElsewhereHaveNoName() throws {
        let workspace = try Workspace.open(temporaryDirectory: lab.temporaryDirectory)
        for path in [
            "/etc/passwd", "", "x", "jobs/video/job-1/x", workspace.path, workspace.path + "/ledger.sqlite",
            workspace.absolutePath(of: "x", job: video("job-2")), workspace.absolutePath(of: "x", job: image()),
            workspace.path + "/jobs/video/job-1", workspace.path + "/jobs/video/job-10/x",
        ] {
            #expect(workspace.relativePath(ofJobFile: path, job: video()) == nil, "\(path)")
        }
    }
}

extension Lab {
    var name: String { String(temporaryDirectory.split(separator: "/").last ?? "") }
}
