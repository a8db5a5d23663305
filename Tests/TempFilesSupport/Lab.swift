internal import Files
package import Foundation
internal import Glibc
package import JobModel
package import JobStore
internal import Ledger
internal import Logging
internal import Synchronization
package import TempFiles
package import TestSupport
internal import Testing

/// A temp directory of its own for one test, with trackers on it. Each tracker has its own ledger connections and
/// locks, as another process would.
package final class Lab: Sendable {
    package let temporaryDirectory: String
    package let clock = TestClock()
    package let log = LogRecorder()

    package init() throws {
        var template = Array("/tmp/temp-files-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw LabError(message: "mkdtemp: errno \(errno)") }
        temporaryDirectory = template.withUnsafeBufferPointer {
            String(cString: $0.baseAddress ?? $0.baseAddress.unsafelyUnwrapped)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: temporaryDirectory) }

    /// - Parameter spillStore: `SPILL_URL`.
    package func tracker(spillStore: String? = nil) throws -> TempFileTracker {
        let clock = clock
        return try TempFileTracker.open(
            temporaryDirectory: temporaryDirectory,
            spillStore: spillStore,
            logger: log.logger,
            now: { clock.now }
        )
    }

    package var workspacePath: String { temporaryDirectory + "/media-processor" }

    /// A file beside the workspace, which nothing may touch.
    package func outsideFile(_ name: String, _ text: String = "not ours") throws -> String {
        let path = temporaryDirectory + "/" + name
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    /// The entries of the workspace beneath `jobs/<kind>`.
    package func leftovers() throws -> [String] {
        try MediaKind.allCases.flatMap { kind in
            try FileManager.default.subpathsOfDirectory(atPath: workspacePath + "/jobs/" + kind.rawValue)
        }.sorted()
    }
}

package struct LabError: Error {
    package var message: String
    package init(message: String) { self.message = message }
}

/// A wall clock that a test sets.
package final class TestClock: Sendable {
    private let offset = Mutex<TimeInterval>(0)
    package var now: Date { offset.withLock { Date().addingTimeInterval($0) } }
    package func advance(by seconds: TimeInterval) { offset.withLock { $0 += seconds } }
}

extension TempFileTracker {
    /// The lease at once, or a failed test.
    package func lease(_ job: JobKey) async throws -> JobLease {
        guard case .acquired(let lease) = try await acquireLease(job, timeout: .zero) else {
            throw LabError(message: "no lease of \(job)")
        }
        return lease
    }

    /// A tracked file with `bytes` bytes, committed.
    @discardableResult
    package func makeFile(
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

    package func write(_ file: TrackedFile, bytes: Int) throws {
        let open = try openForWriting(file)
        try [UInt8](repeating: 7, count: bytes).withUnsafeBytes { try open.write($0) }
        try open.close()
    }
}

extension JobStore {
    /// Progress that is news whenever it comes.
    @discardableResult
    package func recordProgress(_ job: JobKey, percent: Int, step: String) async throws -> Int {
        try #require(try await recordNews(job, percent: percent, step: step, interval: .zero))
    }

    /// The newest jobs.
    package func jobs(limit: Int, state: JobRecord.State? = nil) async throws -> [JobRecord] {
        try await jobs(JobFilter(state: state), before: nil, limit: limit).jobs
    }

    /// The time of service so far: of the tree with its broker, and of each stage.
    package func service() async throws -> (all: Duration, stages: [ServedStage: Duration]) {
        let (all, stages) = try await files.ledger.read { (try $0.serviceMilliseconds(), try $0.served()) }
        return (.milliseconds(all), stages.mapValues { .milliseconds($0) })
    }
}

package func video(_ id: String = "job-1") -> JobKey { JobKey(kind: .video, id: ByteText(id)) }
package func image(_ id: String = "job-1") -> JobKey { JobKey(kind: .image, id: ByteText(id)) }

/// The error of a failing call.
package func failure(_ body: () async throws -> Void) async -> TempFileError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? TempFileError
    }
}

package func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

package func setModified(_ path: String, secondsAgo: Int) throws {
    let moment = Date(timeIntervalSinceNow: -Double(secondsAgo))
    try FileManager.default.setAttributes([.modificationDate: moment], ofItemAtPath: path)
}

/// Another process that holds an open-file-description lock until it is killed. Perl is part of every Debian.
package final class HolderProcess {
    private let process = Process()

    package init(path: String) throws {
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

    package func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
