import Files
import Foundation
import Glibc
import Testing

@testable import Logs

@Suite("The log file", .timeLimit(.minutes(10)))
struct LogFileTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "log-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: directory) }

    private func log(_ maximumBytes: Int64, keep: Int) throws -> LogFile {
        try LogFile(directory: directory, name: "log", rotation: .init(maximumBytes: maximumBytes, keep: keep))
    }

    private func write(_ line: String, to log: LogFile) {
        _ = Array((line + "\n").utf8).withUnsafeBytes { log.write($0) }
    }

    private func text(_ name: String) -> String? {
        try? String(contentsOfFile: directory + "/" + name, encoding: .utf8)
    }

    @Test("is renamed when it is full, and only so many old ones are kept")
    func rotation() throws {
        defer { remove() }
        let log = try log(4, keep: 2)
        for line in ["one", "two", "x", "y", "four", "z"] { write(line, to: log) }
        #expect(text("log") == "z\n")
        #expect(text("log.1") == "four\n")
        #expect(text("log.2") == "x\ny\n")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        #expect(Set(names) == ["log", "log.1", "log.2", "log.lock"])
    }

    @Test("without a limit only grows")
    func unlimited() throws {
        defer { remove() }
        let log = try log(0, keep: 1)
        for _ in 0..<100 { write("line", to: log) }
        #expect(text("log")?.count == 500)
        #expect(text("log.1") == nil)
    }

    @Test("that is a pipe nobody reads is refused at once, and one that is put there later is not written to")
    func pipe() throws {
        defer { remove() }
        #expect(mkfifo(directory + "/log", 0o600) == 0)
        #expect(throws: LogFile.Failure.self) { try log(0, keep: 1) }
        #expect(unlink(directory + "/log") == 0)
        let file = try log(0, keep: 1)
        write("before", to: file)
        #expect(rename(directory + "/log", directory + "/moved") == 0)
        for reader in [nil, open(directory + "/reader", O_RDONLY | O_CREAT, 0o600)] {
            _ = unlink(directory + "/log")
            #expect(mkfifo(directory + "/log", 0o600) == 0)
            let end = reader.map { _ in open(directory + "/log", O_RDONLY | O_NONBLOCK) }
            write("after", to: file)
            if let end { close(end) }
            if let reader { close(reader) }
        }
        #expect(text("moved") == "before\nafter\nafter\n")
    }

    @Test("that another program moved away is followed by a new one, at a request or with the next line")
    func moved() throws {
        defer { remove() }
        let log = try log(0, keep: 1)
        write("old", to: log)
        try FileManager.default.moveItem(atPath: directory + "/log", toPath: directory + "/moved")
        log.reopen()
        #expect(text("log")?.isEmpty == true)
        try FileManager.default.removeItem(atPath: directory + "/log")
        write("new", to: log)
        #expect(text("log") == "new\n")
        #expect(text("moved") == "old\n")
    }

    @Test("that cannot be renamed is written to all the same")
    func stuck() throws {
        defer { remove() }
        let log = try log(4, keep: 1)
        // A directory that is not empty cannot be replaced by a file.
        try FileManager.default.createDirectory(
            atPath: directory + "/log.1/x",
            withIntermediateDirectories: true
        )
        for line in ["one", "two", "three"] { write(line, to: log) }
        #expect(text("log") == "one\ntwo\nthree\n")
    }

    @Test("is rotated whoever locks its directory, and by a lock file that nobody else can open")
    func lockedDirectory() throws {
        defer { remove() }
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        let log = try log(4, keep: 1)
        for line in ["one", "two"] { write(line, to: log) }
        #expect(text("log.1") == "two\n")
        #expect(FileStatus(path: directory + "/log.lock")?.permissions == 0o600)
    }

    @Test("grows while somebody holds the lock, and is rotated when it is free")
    func heldLock() throws {
        defer { remove() }
        let log = try log(4, keep: 1)
        let lock = open(directory + "/log.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        for line in ["one", "two", "three"] { write(line, to: log) }
        #expect(text("log") == "one\ntwo\nthree\n")
        close(lock)
        write("four", to: log)
        #expect(text("log")?.isEmpty == true)
        #expect(text("log.1") == "one\ntwo\nthree\nfour\n")
    }

    @Test("keeps every line of many writers whole while they rotate it")
    func manyWriters() async throws {
        defer { remove() }
        let (writers, lines) = (4, 1500)
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    // Descriptors of its own, as a process has.
                    guard let log = try? log(2048, keep: 200) else { return }
                    for line in 0..<lines { write("\(writer) \(line) \(String(repeating: "x", count: 20))", to: log) }
                }
            }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: directory)
        let found = names.flatMap { (text($0) ?? "").split(separator: "\n").map(String.init) }
        #expect(names.count > 10)
        #expect(found.count == writers * lines)
        #expect(Set(found).count == writers * lines)
        #expect(found.allSatisfy { $0.hasSuffix(String(repeating: "x", count: 20)) })
    }
}
