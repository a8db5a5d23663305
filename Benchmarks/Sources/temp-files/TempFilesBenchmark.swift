internal import Foundation
internal import JobModel
internal import Logging
internal import TempFiles

/// Measures the tracker at size, each figure beside what the system's own tools need for the same tree in the same run.
@main
struct TempFilesBenchmark {
    static let clock = ContinuousClock()

    static func main() async throws {
        guard CommandLine.arguments.count == 3, let total = Int(CommandLine.arguments[2]), total >= 10_000 else {
            print("usage: temp-files DIRECTORY FILES (at least 10000)")
            return
        }
        let directory = CommandLine.arguments[1]
        let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        let tracker = try TempFileTracker.open(temporaryDirectory: directory, logger: logger)
        let jobs = 10_000
        let (few, _) = try await trackingTimes(tracker, "few")
        try await fill(tracker, jobs: jobs, filesPerJob: total / jobs)
        let (many, _) = try await trackingTimes(tracker, "many")
        report("trackFile p50, 1,000 against \(total) files tracked", many.p50, few.p50, aim: 1.3)
        report("trackFile p99, 1,000 against \(total) files tracked", many.p99, few.p99, aim: 1.3)

        let statistics = try await times(20) { _ = try await tracker.statistics() }
        print("statistics at \(total) files: median \(statistics.p50) (aim: below 0.01 seconds)")

        let workspace = tracker.workspace.path
        let scan = try await times(3) { _ = try await tracker.findOrphanedFiles(SweepRules(graceTime: .seconds(3600))) }
        let find = try await times(3) { try shell("find \(workspace)/jobs -type f -printf '%s %p\\n' > /dev/null") }
        report("orphan scan against find -printf, \(total) files", scan.p50, find.p50, aim: 1.5)
        print("largest memory of this process: \(largestMemory() / 1024) MiB (aim: below 100)")

        let (ours, theirs) = try await removalTimes(tracker, directory, files: min(total, 100_000))
        report("clean-up of \(min(total, 100_000)) files against rm -rf", ours, theirs, aim: 1.3)
    }

    /// Removes one job of many files, and the same tree once more with rm, five times and each first in turn: the time
    /// of one removal depends on the work that the file system's journal has to do for the one before.
    ///
    /// - Returns: medians.
    private static func removalTimes(
        _ tracker: TempFileTracker,
        _ directory: String,
        files: Int
    ) async throws -> (ours: Duration, theirs: Duration) {
        let twin = directory + "/twin"
        var (ours, theirs): ([Duration], [Duration]) = ([], [])
        for round in 0..<5 {
            let key = JobKey(kind: .video, id: "large-\(round)")
            guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else {
                throw CocoaError(.fileLocking)
            }
            try await make(tracker, key, files: files)
            try shell("cp -r \(tracker.workspace.path)/\(tracker.workspace.directory(of: key)) \(twin) && sync")
            for isOurs in round.isMultiple(of: 2) ? [true, false] : [false, true] {
                let start = clock.now
                if isOurs {
                    _ = try await tracker.cleanupJobTempFiles(key)
                    ours.append(clock.now - start)
                } else {
                    try shell("rm -rf \(twin)")
                    theirs.append(clock.now - start)
                }
                try shell("sync")
            }
            lease.release()
        }
        return (ours.sorted()[ours.count / 2], theirs.sorted()[theirs.count / 2])
    }

    private static func fill(_ tracker: TempFileTracker, jobs: Int, filesPerJob: Int) async throws {
        for index in 0..<jobs {
            let key = JobKey(kind: .image, id: "job-\(index)")
            guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else { continue }
            try await make(tracker, key, files: filesPerJob)
            lease.release()
        }
    }

    private static func make(_ tracker: TempFileTracker, _ key: JobKey, files: Int) async throws {
        let new = (0..<files).map { NewFile(name: "f\($0)", type: .intermediate, description: "") }
        for file in try await tracker.trackFiles(new, job: key, stage: .process) {
            let descriptor = open(file.absolutePath, O_CREAT | O_WRONLY, 0o600)
            close(descriptor)
        }
    }

    private static func trackingTimes(_ tracker: TempFileTracker, _ id: ByteText) async throws -> (Times, JobLease?) {
        let key = JobKey(kind: .video, id: id)
        guard case .acquired(let lease) = try await tracker.acquireLease(key, timeout: .zero) else {
            throw CocoaError(.fileLocking)
        }
        var index = 0
        let measured = try await times(1000) {
            index += 1
            _ = try await tracker.trackFile(
                NewFile(name: "t\(index)", type: .intermediate, description: ""),
                job: key,
                stage: .process
            )
        }
        lease.release()
        return (measured, lease)
    }

    struct Times {
        var p50: Duration
        var p99: Duration
    }

    private nonisolated(nonsending) static func times(
        _ count: Int,
        _ body: () async throws -> Void
    ) async throws -> Times {
        var measured: [Duration] = []
        for _ in 0..<count {
            let start = clock.now
            try await body()
            measured.append(clock.now - start)
        }
        measured.sort()
        return Times(p50: measured[count / 2], p99: measured[min(count - 1, count * 99 / 100)])
    }

    private static func report(_ what: String, _ ours: Duration, _ theirs: Duration, aim: Double) {
        let ratio = (ours / theirs * 100).rounded() / 100
        print("\(what): \(ours) / \(theirs) = \(ratio) (aim: at most \(aim))")
    }

    private static func shell(_ command: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", command]
        try process.run()
        process.waitUntilExit()
    }

    private static func largestMemory() -> Int {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }
}
