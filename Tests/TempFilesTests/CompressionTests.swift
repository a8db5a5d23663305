import Files
import Foundation
import Glibc
import JobModel
import JobStore
import Logging
import Synchronization
import TempFilesSupport
import TestSupport
import Testing

@testable import TempFiles

@Suite struct CompressionTests {
    let lab: Lab
    let tracker: TempFileTracker
    init() throws {
        lab = try Lab()
        tracker = try lab.tracker()
    }

    static let size = 3 << 20
    static let rules = CompressionRules(minimumWait: .seconds(60), budget: .unlimited)

    @Test func shrinksFilesOfWaitingJobsAndRestoresThemByteForByte() async throws {
        let content = Self.gradient(Self.size)
        let file = try await waitingFile("d/raw", content, job: video())
        lab.clock.advance(by: 61)
        let report = try await tracker.compressWaitingFiles(Self.rules)
        #expect(report.files == 1 && report.failures == 0 && report.plainBytes == Self.size)
        let stored = try #require(Self.bytes(file.absolutePath))
        #expect(stored.count == Int(report.storedBytes) && stored.count <= Self.size / 5 * 4)
        let statistics = try #require(try await tracker.statistics()[.video])
        #expect(statistics.totalFiles == 1 && statistics.compressedFiles == 1)
        #expect(statistics.totalSizeBytes == stored.count && statistics.uncompressedSizeBytes == Self.size)
        // The manifest tells of the content.
        #expect(try await tracker.jobTempFiles(video()).map(\.sizeBytes) == [Int64(Self.size)])
        // Any zstd reads it.
        #expect(try Self.unzstd(file.absolutePath) == content)
        #expect(try await tracker.findOrphanedFiles(SweepRules(graceTime: .zero)).isEmpty)

        let lease = try await tracker.lease(video())
        #expect(try await tracker.restoreFiles(video(), within: .unlimited) == 1)
        #expect(Self.bytes(file.absolutePath) == content)
        #expect(
            await tracker.verify(path: file.absolutePath, job: video(), expectedBytes: Int64(Self.size))
                == .ok(sizeBytes: Int64(Self.size))
        )
        let after = try #require(try await tracker.statistics()[.video])
        #expect(after.totalFiles == 1 && after.compressedFiles == 0 && after.totalSizeBytes == Self.size)
        #expect(try await tracker.restoreFiles(video(), within: .unlimited) == 0)
        _ = try await tracker.cleanupJobTempFiles(video())
        lease.releaseRemovingEmptyDirectory()
        #expect(try lab.leftovers().isEmpty)
    }

    @Test func leavesAloneWhatIsNotWorthIt() async throws {
        let noise = Self.noise(Self.size)
        let file = try await waitingFile("noise", noise, job: video("noise"))
        let misleading = Self.misleading(8 << 20)
        // Seems to shrink, so that the sample alone is not enough.
        let late = try await waitingFile("late", misleading, job: video("late"))
        let small = try await waitingFile("small", Self.gradient(1000), job: video("small"))
        lab.clock.advance(by: 61)
        #expect(try await tracker.compressWaitingFiles(Self.rules) == CompressionReport())
        #expect(Self.bytes(file.absolutePath) == noise)
        #expect(Self.bytes(late.absolutePath) == misleading)
        #expect(Self.bytes(small.absolutePath)?.count == 1000)
        #expect(try lab.leftovers().count { !$0.hasSuffix(".lease") } == 6)
        // They are not tried at every look.
        let lines = lab.log.lines.count
        #expect(try await tracker.compressWaitingFiles(Self.rules) == CompressionReport())
        #expect(lab.log.lines.count == lines)
        #expect(try await tracker.statistics()[.video]?.compressedFiles == 0)
    }

    @Test func leavesAloneWhatIsNeeded() async throws {
        let content = Self.gradient(Self.size)
        let held = try await waitingFile("raw", content, job: video("held"))
        let lease = try await tracker.lease(video("held"))
        let fresh = try await waitingFile("raw", content, job: video("fresh"))
        let download = try await waitingFile("raw", content, job: video("download"), next: .download)
        lab.clock.advance(by: 61)
        _ = try await tracker.jobs.recordProgress(video("fresh"), percent: 1, step: "")
        #expect(try await tracker.compressWaitingFiles(Self.rules).files == 0)
        for file in [held, fresh, download] { #expect(Self.bytes(file.absolutePath) == content) }
        lease.release()
        #expect(try await tracker.compressWaitingFiles(Self.rules).files == 1)
    }

    @Test func neverLeavesTheJobsDirectory() async throws {
        let outside = try lab.outsideFile("precious", String(repeating: "x", count: Self.size))
        let file = try await waitingFile("raw", Self.gradient(Self.size), job: video())
        unlink(file.absolutePath)
        #expect(symlink(outside, file.absolutePath) == 0)
        let linked = try await waitingFile("raw", Self.gradient(Self.size), job: video("linked"))
        #expect(link(linked.absolutePath, lab.temporaryDirectory + "/second-name") == 0)
        lab.clock.advance(by: 61)
        #expect(try await tracker.compressWaitingFiles(Self.rules).files == 0)
        #expect(Self.bytes(outside)?.count == Self.size)
        #expect(Self.bytes(linked.absolutePath) == Self.gradient(Self.size))
    }

    @Test func damageIsFoundAndLeftForTheStageToSee() async throws {
        let file = try await waitingFile("raw", Self.gradient(Self.size), job: video())
        lab.clock.advance(by: 61)
        _ = try await tracker.compressWaitingFiles(Self.rules)
        var stored = try #require(Self.bytes(file.absolutePath))
        stored[stored.count / 2] ^= 0x40
        try stored.write(to: URL(filePath: file.absolutePath))
        let lease = try await tracker.lease(video())
        defer { lease.release() }
        try await tracker.restoreFiles(video(), within: .unlimited)
        let check = await tracker.verify(path: file.absolutePath, job: video(), expectedBytes: Int64(Self.size))
        #expect(check == .wrongSize(foundBytes: Int64(stored.count)))
        #expect(lab.log.lines.contains { $0.level == .error && $0.message.contains("cannot be restored") })
        #expect(try lab.leftovers().allSatisfy { !$0.hasSuffix(".replacement") })
    }

    @Test func aFileThatOnlyLooksCompressedIsNotTouched() async throws {
        // A source that is itself a zstd stream with a frame of ours, as somebody may upload it.
        let file = try await waitingFile("raw", Self.gradient(Self.size), job: video())
        lab.clock.advance(by: 61)
        _ = try await tracker.compressWaitingFiles(Self.rules)
        let stored = try #require(Self.bytes(file.absolutePath))
        let copy = try await waitingFile("upload", stored, job: video("other"))
        let lease = try await tracker.lease(video("other"))
        defer { lease.release() }
        #expect(try await tracker.restoreFiles(video("other"), within: .unlimited) == 0)
        #expect(Self.bytes(copy.absolutePath) == stored)
    }

    @Test func restoringAlwaysFitsWhatTheJobHolds() async throws {
        let content = Self.gradient(Self.size)
        let file = try await waitingFile("raw", content, job: video())
        let budget = DiskBudget(maximumBytes: 8 << 20, minimumFreeBytes: 0)
        #expect(try await tracker.reserve(Int64(Self.size), job: video(), within: budget) == .reserved)
        lab.clock.advance(by: 61)
        let rules = CompressionRules(minimumWait: .seconds(60), budget: budget)
        #expect(try await tracker.compressWaitingFiles(rules).files == 1)
        // Others take all the budget has left.
        var rest: Int64 = 8 << 20
        while rest > 0, try await tracker.reserve(rest, job: video("greedy"), within: budget) != .reserved {
            rest -= 4096
        }
        #expect(rest > 0 && rest < (8 << 20) - Int64(Self.size))
        let lease = try await tracker.lease(video())
        defer { lease.release() }
        #expect(try await tracker.restoreFiles(video(), within: budget) == 1)
        #expect(Self.bytes(file.absolutePath) == content)
    }

    @Test func withoutRoomForTheCopyFilesStayAsTheyAre() async throws {
        let file = try await waitingFile("raw", Self.gradient(Self.size), job: video())
        lab.clock.advance(by: 61)
        let budget = DiskBudget(maximumBytes: Int64(Self.size) + 4096, minimumFreeBytes: 0)
        let rules = CompressionRules(minimumWait: .seconds(60), budget: budget)
        #expect(try await tracker.compressWaitingFiles(rules) == CompressionReport())
        #expect(Self.bytes(file.absolutePath)?.count == Self.size)
        // Later there is.
        #expect(try await tracker.compressWaitingFiles(Self.rules).files == 1)
    }

    @Test func jobThatIsToBeCancelledIsLeftToItsEnd() async throws {
        let content = Self.gradient(Self.size)
        let file = try await waitingFile("raw", content, job: video("unwanted"))
        _ = try await waitingFile("raw", content, job: video("wanted"))
        lab.clock.advance(by: 61)
        #expect(try await tracker.jobs.requestCancel(video("unwanted")) == .requested)
        // As the request itself, which sets the job's clock.
        lab.clock.advance(by: 61)
        let ended = Mutex<[String]>([])
        let report = try await tracker.compressWaitingFiles(Self.rules) { job in
            ended.withLock { $0.append(job.id.string) }
        }
        #expect(report.files == 1 && report.failures == 0)
        #expect(ended.withLock { $0 } == ["unwanted"])
        #expect(Self.bytes(file.absolutePath) == content)
    }

    // MARK: - Material

    /// A job that was handed to its next stage with one file.
    private func waitingFile(
        _ name: String,
        _ content: Data,
        job: JobKey,
        next: Stage = .process
    ) async throws -> TrackedFile {
        let lease = try await tracker.lease(job)
        defer { lease.release() }
        _ = try await tracker.jobs.begin(job, StageMessage(stage: .download, hop: 0, mediaID: "m", manifest: nil))
        let file = try await tracker.trackFile(
            NewFile(name: name, type: .input, description: ""),
            job: job,
            stage: .download
        )
        let open = try tracker.openForWriting(file)
        try content.withUnsafeBytes { try open.write($0) }
        try open.close()
        try await tracker.commitFiles([file])
        try await tracker.jobs.handedOver(job, to: next, hop: 1)
        return file
    }

    private static func gradient(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 >> 8) }) }

    private static func noise(_ count: Int) -> Data {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        return Data(
            (0..<count).map { _ in
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return UInt8(truncatingIfNeeded: state >> 32)
            }
        )
    }

    /// Regular where samples are taken, noise elsewhere.
    private static func misleading(_ count: Int) -> Data {
        var bytes = noise(count)
        let (samples, length) = (8, 128 << 10)
        let stride = (count - length) / (samples - 1)
        for index in 0..<samples { for offset in 0..<length { bytes[index * stride + offset] = 1 } }
        return bytes
    }

    private static func bytes(_ path: String) -> Data? {
        try? Data(contentsOf: URL(filePath: path))
    }

    private static func unzstd(_ path: String) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/zstd")
        process.arguments = ["-dcq", path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }
}
