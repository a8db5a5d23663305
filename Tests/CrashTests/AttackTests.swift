import Files
import Foundation
import JobModel
import Logging
import Queues
import TempFiles
import TestSupport
import Testing

@Suite("An attacker in the workspace", .serialized)
struct AttackTests {
    /// Swaps a directory with a link to the outside in one step, again and again, and puts back removed entries.
    private static let attacker = """
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <sys/stat.h>
        #include <unistd.h>
        int main(int count, char **arguments) {
            const char *directory = arguments[1], *trap = arguments[2], *outside = arguments[3];
            for (unsigned random = 1;; random = random * 1103515245u + 12345u) {
                /* Time for the other side to get between two swaps. */
                for (volatile unsigned spin = (random >> 16) % 8000; spin > 0; spin--) {}
                if (renameat2(-100, directory, -100, trap, RENAME_EXCHANGE) == 0) continue;
                symlink(outside, trap);
                mkdir(directory, 0700);
            }
        }
        """

    /// So many that a whole directory is emptied by two threads.
    private static let batch = 500
    private static var deletions: Int { 20_000 * Rounds.count }

    /// One way to delete files of a job by their names.
    private enum Way: CaseIterable { case tracker, path }

    @Test("who swaps directories for links gets no file outside deleted, which a deletion by path does not withstand")
    func swaps() async throws {
        let program = try await CProgram.build(Self.attacker)
        defer { program.remove() }
        let kept = try await lost(program, .tracker)
        #expect(kept.lost == 0)
        #expect(kept.deleted > Self.deletions / 50)
        let control = try await lost(program, .path)
        #expect(control.lost > 0)
        print("attack: of the outside, the tracker deleted \(kept.lost), a deletion by path \(control.lost)")
    }

    /// Deletes under attack; returns how many files of the outside are gone, and how many of the inside.
    private func lost(_ program: CProgram, _ way: Way) async throws -> (lost: Int, deleted: Int) {
        let began = ContinuousClock.now
        let base = program.directory + "/\(way)"
        let outside = base + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        let tracker = try TempFileTracker.open(
            temporaryDirectory: base,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let job = JobKey(kind: .image, id: "attacked")
        guard case .acquired(let lease) = try await tracker.acquireLease(job, timeout: .zero) else {
            throw TestTree.Failure(description: "no lease")
        }
        defer { lease.release() }
        let directory = tracker.workspace.path + "/" + tracker.workspace.directory(of: job)
        // To Swift, a slash and a combining mark are one character that is no slash: a path that is cut by characters
        // would have `outputs` in its last part, and unlinkat(2) would follow it.
        let names = (0..<Self.batch).map { ($0.isMultiple(of: 2) ? "outputs/f" : "outputs/\u{301}f") + "\($0)" }
        let attack = try ChildProcess(
            program.executable,
            [directory + "/outputs", directory + "/trap", outside],
            environment: [:],
            output: base + "/output"
        )
        defer { attack.send(SIGKILL) }
        var (lost, deleted, attempts) = (0, 0, 0)
        // The control goes on until it has lost one, which is a matter of luck each time.
        while attempts < (way == .path ? 10 : 1) * Self.deletions {
            for name in names {
                let path = outside + String(decoding: name.utf8.dropFirst("outputs".utf8.count), as: UTF8.self)
                close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            }
            // Made through the swaps as well: a name that leads outside at that moment is one of the outside's own.
            for name in names { close(open(directory + "/" + name, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)) }
            switch way {
            case .tracker:
                deleted += await tracker.releaseFiles(names, job: job).filesCleaned
                // The whole directory as well, the link in it and what the attacker makes anew.
                if attempts % (Self.batch * 2) == 0 {
                    deleted += try await tracker.cleanupJobTempFiles(job).filesCleaned
                    // It goes with the job's directory, and the attack goes on in a new one.
                    mkdir(directory, 0o700)
                    try await eventually("the attacker is back") { access(directory + "/trap", F_OK) == 0 }
                }
            case .path:
                for name in names {
                    // The usual care: look first whether the directory is one.
                    if FileStatus(entry: directory + "/outputs")?.kind == .directory,
                        unlink(directory + "/" + name) == 0
                    {
                        deleted += 1
                    }
                }
            }
            attempts += names.count
            lost += names.count - (try FileManager.default.contentsOfDirectory(atPath: outside).count)
            if way == .path, lost > 0 { break }
        }
        attack.send(SIGKILL)
        _ = await attack.wait()
        print("attack on \(way): \(attempts) deletions asked, \(deleted) done inside, \(ContinuousClock.now - began)")
        return (lost, deleted)
    }
}

/// A C program that a test compiles for itself.
struct CProgram: Sendable {
    let directory: String
    let executable: String

    static func build(_ source: String, isLibrary: Bool = false) async throws -> CProgram {
        let directory = "/tmp/media-processor-test-\(UUID().uuidString.lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(source.utf8).write(to: URL(filePath: directory + "/program.c"))
        let executable = directory + "/program"
        let options = isLibrary ? ["-shared", "-fPIC"] : []
        try await ChildProcess.run("cc", ["-O2", "-o", executable, directory + "/program.c", "-ldl"] + options)
        return CProgram(directory: directory, executable: executable)
    }

    func remove() { try? FileManager.default.removeItem(atPath: directory) }
}
