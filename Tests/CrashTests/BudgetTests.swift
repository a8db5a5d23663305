import Files
import Foundation
import Glibc
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// The disk budget against the file system itself: the kernel's count decides.
@Suite("The disk budget", .serialized)
struct BudgetTests {
    private static let mebibyte: Int64 = 1 << 20

    @Test("of 64 MiB is never exceeded by 50 downloads of 8 MiB, and all of them complete")
    func holds() async throws {
        let settings = [
            "TEMP_MAX_BYTES": "\(64 * Self.mebibyte)", "TEMP_EXPANSION_FACTOR": "1.25",
            "WORKERS": "download.image=10,process.image=2",
        ]
        try await TestTree.with(settings) { tree in
            try await Samples.paddedPhoto(tree.sources + "/photo.jpg", bytes: 8 * Self.mebibyte)
            let sampler = DiskSampler(tree.workspace + "/jobs")
            defer { sampler.stop() }
            let ids = (0..<50).map { "job-\($0)" }
            for id in ids {
                try await tree.submit(.image, id: id, source: "photo.jpg")
            }
            let updates = try await tree.updates(.image, untilTheEndOf: Set(ids))
            let ends = updates.filter { $0["status"] != "processing" }
            #expect(ends.count == 50 && ends.allSatisfy { $0["status"] == "completed" })
            #expect(updates.contains { $0["current_step"] == "waiting_for_space" })
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            sampler.stop()
            print("budget: at most \(sampler.peakBytes) bytes in \(sampler.samples) samples")
            #expect(sampler.peakBytes <= 64 * Self.mebibyte)
            // The samples saw the work: several jobs at a time.
            #expect(sampler.peakBytes >= 16 * Self.mebibyte)
        }
    }

    @Test("fails a job that could never fit, and lets the next one through")
    func neverFits() async throws {
        try await TestTree.with(["TEMP_MAX_BYTES": "\(16 * Self.mebibyte)"]) { tree in
            try await Samples.paddedPhoto(tree.sources + "/large.jpg", bytes: 8 * Self.mebibyte)
            try await Samples.paddedPhoto(tree.sources + "/small.jpg", bytes: 2 * Self.mebibyte)
            try await tree.submit(.image, id: "large", source: "large.jpg")
            try await tree.submit(.image, id: "small", source: "small.jpg")
            let updates = try await tree.updates(.image, untilTheEndOf: ["large", "small"])
            let ends = updates.filter { $0["status"] != "processing" }
            let large = try #require(ends.first { $0["job_id"] == "large" })
            #expect(large["status"] == "failed")
            #expect(large["error_message"]?.stringValue?.contains("TEMP_MAX_BYTES") == true)
            #expect(ends.contains { $0["job_id"] == "small" && $0["status"] == "completed" })
            #expect(ends.count == 2)
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
        }
    }

    @Test("ends the encoding of a video that outgrows it, and nothing is left")
    func outgrown() async throws {
        // The source alone fits; no encoding of it does.
        let settings = ["TEMP_EXPANSION_FACTOR": "1", "MAX_ATTEMPTS": "1"]
        let source = "/tmp/media-processor-budget-\(getpid()).mp4"
        defer { unlink(source) }
        try await Samples.video(source, seconds: 20)
        let sample = try #require(FileStatus(path: source))
        let limit = max(sample.sizeBytes + 65_536, Self.mebibyte)
        try await TestTree.with(settings.merging(["TEMP_MAX_BYTES": "\(limit)"]) { $1 }) { tree in
            try FileManager.default.copyItem(atPath: source, toPath: tree.sources + "/clip.mp4")
            let sampler = DiskSampler(tree.workspace + "/jobs")
            defer { sampler.stop() }
            try await tree.submit(.video, id: "wide", source: "clip.mp4")
            let updates = try await tree.updates(.video, untilTheEndOf: ["wide"])
            let end = try #require(updates.last { $0["status"] != "processing" })
            #expect(end["status"] == "failed")
            #expect(end["error_message"]?.stringValue?.contains("outgrow the disk budget") == true)
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            sampler.stop()
            #expect(sampler.peakBytes <= limit)
            #expect(try await tree.restarts() == 0)
        }
    }
}

/// Sums the disk use of a directory, again and again, on a thread of its own.
private final class DiskSampler: Sendable {
    private struct State {
        var isStopped = false
        var peakBytes: Int64 = 0
        var samples = 0
    }

    private let state = Mutex(State())

    var peakBytes: Int64 { state.withLock { $0.peakBytes } }
    var samples: Int { state.withLock { $0.samples } }

    init(_ path: String) {
        let thread = Thread { [self] in
            while !state.withLock({ $0.isStopped }) {
                let bytes = Self.bytes(in: path)
                state.withLock {
                    $0.samples += 1
                    $0.peakBytes = max($0.peakBytes, bytes)
                }
                // Each sample takes a core; the tree needs some of it.
                usleep(2000)
            }
        }
        thread.start()
    }

    func stop() { state.withLock { $0.isStopped = true } }

    private static func bytes(in path: String) -> Int64 {
        guard let names = try? FileManager.default.subpathsOfDirectory(atPath: path) else { return 0 }
        return names.reduce(0) { sum, name in
            guard let status = FileStatus(entry: path + "/" + name), status.kind == .file else { return sum }
            return sum + status.allocatedBytes
        }
    }
}
