import Files
import Foundation
import Glibc
import JobModel
import Logging
import Synchronization
import TestSupport
import Testing

@testable import TempFiles

/// A temp directory for one test, with trackers on it. Each tracker has its own ledger connections and locks, as
/// another process would.
final class Lab: Sendable {
    let temporaryDirectory: String
    let clock = TestClock()
    let log = LogRecorder()

    init() throws {
        var template = Array("/tmp/temp-files-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LabError(message: "mkdtemp: errno \(errno)") }
        temporaryDirectory = template.withUnsafeBufferPointer {
            String(cString: $0.baseAddress ?? $0.baseAddress.unsafelyUnwrapped)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: temporaryDirectory) }

    func tracker() throws -> TempFileTracker {
        let clock = clock
        return try TempFileTracker.open(temporaryDirectory: temporaryDirectory, logger: log.logger, now: { clock.now })
    }

    var workspacePath: String { temporaryDirectory + "/media-processor" }

    /// A file beside the workspace, which nothing may touch.
    func outsideFile(_ name: String, _ text: String = "not ours") throws -> String {
        let path = temporaryDirectory + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// The entries of the workspace beneath `jobs/<kind>`.
    func leftovers() throws -> [String] {
        try MediaKind.allCases.flatMap { kind in
            try FileManager.default.subpathsOfDirectory(atPath: workspacePath + "/jobs/" + kind.rawValue)
        }.sorted()
    }
}

struct LabError: Error { var message: String }

/// A wall clock that a test sets.
final class TestClock: Sendable {
    private let offset = Mutex<TimeInterval>(0)
    var now: Date { offset.withLock { Date().addingTimeInterval($0) } }
    func advance(by seconds: TimeInterval) { offset.withLock { $0 += seconds } }
}

extension TempFileTracker {
    /// The lease at once, or a failed test.
    func lease(_ job: JobKey) async throws -> JobLease {
        guard case .acquired(let lease) = try await acquireLease(job, timeout: .zero) else {
            throw LabError(message: "no lease of \(job)")
        }
        return lease
    }

    /// Progress that is news whenever it comes.
    @discardableResult
    func recordProgress(_ job: JobKey, percent: Int, step: String) async throws -> Int {
        try #require(try await recordNews(job, percent: percent, step: step, interval: .zero))
    }

    /// A tracked file with `bytes` bytes, committed.
    @discardableResult
    func makeFile(
        _ name: String,
        bytes: Int,
        job: JobKey,
        type: TempFileType = .intermediate,
        stage: Stage = .process
    ) async throws -> TrackedFile {
        let file = try await trackFile(NewFile(name: name, type: type, description: "made"), job: job, stage: stage)
        try write(file, bytes: bytes)
        try await commitFiles([file])
        return file
    }

    func write(_ file: TrackedFile, bytes: Int) throws {
        let open = try openForWriting(file)
        try [UInt8](repeating: 7, count: bytes).withUnsafeBytes { try open.write($0) }
        try open.close()
    }
}

func video(_ id: String = "job-1") -> JobKey { JobKey(kind: .video, id: ByteText(id)) }
func image(_ id: String = "job-1") -> JobKey { JobKey(kind: .image, id: ByteText(id)) }

/// The error of a failing call.
func failure(_ body: () async throws -> Void) async -> TempFileError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? TempFileError
    }
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

func setModified(_ path: String, secondsAgo: Int) throws {
    let moment = timespec(tv_sec: time(nil) - secondsAgo, tv_nsec: 0)
    if utimensat(AT_FDCWD, path, [moment, moment], AT_SYMLINK_NOFOLLOW) != 0 {
        throw LabError(message: "utimensat \(path): errno \(errno)")
    }
}

/// Another process that holds an open-file-description lock until it is killed. Perl is part of every Debian.
final class HolderProcess {
    private let process = Process()

    init(path: String) throws {
        // struct flock on 64-bit Linux; 37 is F_OFD_SETLK, 1 is F_WRLCK.
        let script = """
            open(my $file, "+<", $ARGV[0]) or die; my $lock = pack("ssx4qqix4", 1, 0, 0, 0, 0);
            fcntl($file, 37, $lock) or die; $| = 1; print "locked\\n"; <STDIN>;
            """
        process.executableURL = URL(fileURLWithPath: "/usr/bin/perl")
        process.arguments = ["-e", script, path]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = Pipe()
        try process.run()
        let line = output.fileHandleForReading.availableData
        guard String(decoding: line, as: UTF8.self) == "locked\n" else {
            throw LabError(message: "the other process got no lock")
        }
    }

    deinit { if process.isRunning { kill() } }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
