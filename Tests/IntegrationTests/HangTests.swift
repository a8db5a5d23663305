import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A worker that hangs", .serialized)
struct HangTests {
    @Test("at its job is ended and replaced, the job counts one start and is done by the successor")
    func stalled() async throws {
        try await TestTree.with(["STALL_SECONDS": "2"]) { tree in
            // One thread stands still while the worker goes on reporting; see CrashPoints.
            let order = "stage-process output-begun 1 1 hang"
            try Data(order.utf8).write(to: URL(filePath: tree.directory + "/crash"))
            try await Samples.photo(tree.sources + "/photo.jpg")
            try await tree.submit(.image, id: "stuck", source: "photo.jpg")
            let updates = try await tree.updates(.image, untilTheEndOf: ["stuck"])
            #expect(updates.last?["status"] == "completed")
            let lines = tree.log.split(separator: "\n")
            let hangs = lines.filter { $0.contains("a worker hangs and is ended") }
            #expect(hangs.count == 1)
            #expect(hangs.first?.contains("no progress of job stuck for") == true)
            #expect(hangs.first?.contains("worker.name=process.image.1") == true)
            #expect(starts(lines, "process.image.1") == ["1", "2"])
            let exit = try await tree.get("/health")?.body.objectValue?["pools"]?.objectValue?["process.image"]?
                .objectValue?["lastExit"]?.objectValue?["cause"]?.stringValue
            // Swift's backtracer, where it is installed, writes its trace at SIGABRT and lets the process go on.
            #expect(exit?.hasPrefix("no progress of job stuck for ") == true)
            #expect(exit?.contains(" s, so it was ended: signal ") == true)
            #expect(try await tree.restarts() == 1)
            #expect(tree.leftovers().isEmpty)
        }
    }

    @Test("altogether is ended and replaced, and the job at its hands is done by the successor")
    func stopped() async throws {
        try await TestTree.with(["HEARTBEAT_TIMEOUT_SECONDS": "3"]) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "1920x1080", seconds: 8)
            try await tree.submit(.video, id: "frozen", source: "clip.mp4")
            try await eventually("processing has begun") {
                guard let worker = try await tree.worker("process.video"), worker.job == "frozen" else { return false }
                // SIGABRT is not delivered to a stopped process; SIGKILL is.
                return kill(worker.processID, SIGSTOP) == 0
            }
            let updates = try await tree.updates(.video, untilTheEndOf: ["frozen"])
            #expect(updates.last?["status"] == "completed")
            #expect(updates.filter { $0["status"] != "processing" }.count == 1)
            let lines = tree.log.split(separator: "\n")
            #expect(lines.contains { $0.contains("a worker hangs and is ended") && $0.contains("no sign of life for") })
            #expect(starts(lines, "process.video.1") == ["1", "2"])
            #expect(tree.leftovers().isEmpty)
        }
    }

    /// The starts of the job, as each start of the worker's stage counts them.
    private func starts(_ lines: [Substring], _ worker: String) -> [String] {
        lines.filter { $0.contains(" \(worker): process starts") }.compactMap { line in
            line.split(separator: " ").first { $0.hasPrefix("job.starts=") }?.split(separator: "=").last.map(
                String.init
            )
        }
    }
}
