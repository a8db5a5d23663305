import Files
import Foundation
import Glibc
import Testing

@Suite final class RootedDirectoryTests {
    let base: String
    let root: RootedDirectory
    var outside: String { base + "/outside" }

    init() throws {
        base = "/tmp/rooted-files-test-\(UUID().uuidString)"
        for path in [base, base + "/root", base + "/outside"] { try #require(mkdir(path, 0o700) == 0) }
        root = try RootedDirectory(opening: base + "/root")
        try Data("not ours".utf8).write(to: URL(fileURLWithPath: base + "/outside/x"))
    }

    deinit { try? FileManager.default.removeItem(atPath: base) }

    private func put(_ name: String) throws {
        let file = try root.openFile(name, flags: O_WRONLY | O_CREAT)
        try Array("data".utf8).withUnsafeBytes { try file.write($0) }
        try file.close()
    }

    @Test func aLargeFileGoesToTheDeviceInPieces() throws {
        struct Enough: Error {}
        let file = try root.openFile("large", flags: O_WRONLY | O_CREAT)
        #expect(ftruncate(file.descriptor, 20 << 20) == 0)
        var pieces = 0
        try file.synchronize { pieces += 1 }
        // Pieces of 8 MiB, and one call for the file system's metadata.
        #expect(pieces == 4)
        pieces = 0
        #expect(throws: Enough.self) {
            try file.synchronize {
                pieces += 1
                if pieces == 2 { throw Enough() }
            }
        }
        #expect(pieces == 2)
    }

    @Test(arguments: ["../outside/x", "/etc/passwd", "a/../../outside/x", "..", "away/x", "link", "/"])
    func nothingOutsideIsOpenedOrRemoved(_ name: String) throws {
        try root.makeDirectory("a")
        #expect(symlink(outside, root.path + "/away") == 0)
        #expect(symlink(outside + "/x", root.path + "/link") == 0)
        let error = #expect(throws: FileSystemError.self) { try root.openFile(name, flags: O_RDWR | O_CREAT).close() }
        // `..` and `/` are directories besides, which the kernel may say first.
        #expect(error?.isOutsideRoot == true || error?.errno == EISDIR)
        _ = try? root.removeFile(name)
        _ = try? root.removeDirectory(name)
        #expect(try String(contentsOfFile: outside + "/x", encoding: .utf8) == "not ours")
    }

    @Test(arguments: ["", "a\0b", "."])
    func namesOfNothingAreRefused(_ name: String) {
        #expect(throws: FileSystemError.self) { try root.openFile(name, flags: O_RDWR | O_CREAT).close() }
        #expect(throws: FileSystemError.self) { try root.removeFile(name) }
    }

    // To Swift, `/` and a combining mark are one character that is no slash. A path that is cut by characters has
    // `away/…` for its last name, and the calls that act on a name follow `away`.
    @Test func markOnASlashLeadsThroughNoLink() throws {
        #expect(symlink(outside, root.path + "/away") == 0)
        let (name, precious) = ("away/\u{301}x", outside + "/\u{301}x")
        #expect(close(creat(precious, 0o600)) == 0)
        #expect(throws: FileSystemError.self) { try root.removeFile(name) }
        #expect(throws: FileSystemError.self) { try root.status(name) }
        #expect(throws: FileSystemError.self) { try root.makeDirectory("away/\u{301}new") }
        #expect(throws: FileSystemError.self) { try root.makeDirectories("away/\u{301}new/er") }
        try put("mine")
        #expect(throws: FileSystemError.self) { try root.rename("mine", to: name) }
        #expect(throws: FileSystemError.self) { try root.rename(name, to: "mine") }
        #expect(throws: FileSystemError.self) { try root.removeDirectory("../\u{301}root") }
        #expect(access(precious, F_OK) == 0)
        #expect(access(outside + "/\u{301}new", F_OK) != 0)
    }

    @Test func linkingReplacesNothing() throws {
        try put("a")
        try put("b")
        let name = try EntryName("b")
        let file = try root.openFile("a", flags: O_RDONLY)
        #expect(try root.link(file, as: name) == false)
        try root.removeFile("b")
        // Again, as after a crash that hid the first answer.
        for _ in 1...2 { #expect(try root.link(file, as: name)) }
        #expect(Set(try root.entryNames()) == ["a", "b"])
    }

    @Test func directoriesThatWereMadeAreTold() throws {
        #expect(try root.makeDirectories("a/b/c").map(\.text) == ["a", "a/b", "a/b/c"])
        #expect(try root.makeDirectories("a/b/d").map(\.text) == ["a/b/d"])
        #expect(try root.makeDirectory("a") == false)
    }

    @Test func missingNamesAreNoErrorToRemove() throws {
        #expect(try root.removeFile("none") == false)
        #expect(try root.removeFile("none/none") == false)
        #expect(try root.removeDirectory("none") == false)
        #expect(try root.status("none/none") == nil)
    }

    @Test func directoryIsRefusedAsAFileAndKept() throws {
        try root.makeDirectories("a/b/c")
        let error = #expect(throws: FileSystemError.self) { try root.removeFile("a/b") }
        #expect(error?.errno == EISDIR)
        let full = #expect(throws: FileSystemError.self) { try root.removeDirectory("a/b") }
        #expect(full?.errno == ENOTEMPTY)
    }

    @Test func openedDirectoryIsTheRootOfWhatIsBeneath() throws {
        try root.makeDirectories("a/b")
        try put("x")
        let child = try root.openDirectory("a")
        #expect(child.path == root.path + "/a")
        let error = #expect(throws: FileSystemError.self) { try child.openFile("../x", flags: O_RDONLY).close() }
        #expect(error?.isOutsideRoot == true)
    }

    @Test func treeIsWalkedContentsFirst() throws {
        try root.makeDirectories("a/b")
        for name in ["a/b/x", "a/y"] { try put(name) }
        #expect(symlink(outside, root.path + "/a/z-link") == 0)
        var seen: [String: FileStatus.Kind] = [:]
        var order: [String] = []
        root.walkTree(
            visit: {
                seen[$0] = $1.kind
                order.append($0)
            },
            didFail: { Issue.record("\($0): \($1)") }
        )
        #expect(seen == ["a": .directory, "a/b": .directory, "a/b/x": .file, "a/y": .file, "a/z-link": .symbolicLink])
        #expect(order.last == "a")
        #expect(try root.status("a/b/x") != nil)
    }

    @Test func treeIsRemovedButForWhatShallStay() throws {
        try root.makeDirectories("a/b")
        for name in ["a/b/x", "a/keep", "y"] { try put(name) }
        #expect(symlink(outside, root.path + "/a/b/link") == 0)
        var removed: Set<String> = []
        root.removeTree(
            where: { path, _ in path != "a/keep" },
            didRemove: { path, _ in removed.insert(path) },
            didFail: { Issue.record("\($0): \($1)") }
        )
        #expect(removed == ["a/b/x", "a/b/link", "a/b", "y"])
        #expect(try root.entryNames() == ["a"])
        #expect(access(outside + "/x", F_OK) == 0)
    }

    @Test func namesThatAreNoTextAreRemoved() throws {
        let name: [CChar] = (root.path + "/").utf8CString.dropLast() + [-1, 47 + 1, -2, 0]
        for _ in 0..<2 { #expect(close(creat(name, 0o600)) == 0) }
        #expect(empty() == 1)
        #expect(try root.entryNames().isEmpty)
    }

    @Test(arguments: [99, 100, 101, 250, 1500])
    func anyDepthIsRemoved(_ depth: Int) throws {
        let home = open(root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        var level = home
        for _ in 0..<depth {
            #expect(mkdirat(level, "d", 0o700) == 0)
            let next = openat(level, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            close(level)
            level = next
        }
        close(level)
        _ = empty()
        #expect(try root.entryNames().isEmpty)
    }

    @Test func manyEntriesAreRemoved() throws {
        for index in 0..<3000 { try put("\(index)") }
        #expect(empty() == 3000)
        #expect(try root.entryNames().isEmpty)
    }

    @Test func whatShallStayAmongManyEntriesStays() throws {
        try root.makeDirectories("d/directory")
        for index in 0..<3000 { try put("d/\(index)") }
        try put("d/directory/x")
        #expect(symlink(outside, root.path + "/d/link") == 0)
        var removed: [String] = []
        root.removeTree(
            where: { path, _ in !path.hasSuffix("7") },
            didRemove: { path, _ in removed.append(path) },
            didFail: { Issue.record("\($0): \($1)") }
        )
        #expect(removed.count == 2700 + 3)
        #expect(Set(removed).count == removed.count)
        #expect(removed.contains("d/link") && removed.contains("d/directory"))
        let kept = try root.openDirectory("d").entryNames()
        #expect(Set(kept) == Set((0..<3000).map(String.init).filter { $0.hasSuffix("7") }))
        #expect(access(outside + "/x", F_OK) == 0)
    }

    // Somebody swaps a directory for a link to the outside all the while.
    @Test func racingSwapsOfADirectoryForALinkLeadNowhere() async throws {
        let path = root.path
        let outside = outside
        let swapper = Task.detached {
            while !Task.isCancelled {
                mkdir(path + "/d", 0o700)
                close(creat(path + "/d/x", 0o600))
                rename(path + "/d", path + "/e")
                symlink(outside, path + "/d")
                unlink(path + "/d")
                unlink(path + "/e/x")
                rmdir(path + "/e")
            }
        }
        for _ in 0..<2000 {
            _ = try? root.removeFile("d/x")
            root.removeTree(where: { _, _ in true }, didRemove: { _, _ in }, didFail: { _, _ in })
        }
        swapper.cancel()
        await swapper.value
        #expect(access(outside + "/x", F_OK) == 0)
    }

    @discardableResult
    private func empty() -> Int {
        var count = 0
        root.removeTree(
            where: { _, _ in true },
            didRemove: { _, _ in count += 1 },
            didFail: { Issue.record("\($0): \($1)") }
        )
        return count
    }
}
