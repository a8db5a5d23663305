import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("A killed process", .serialized)
struct KillTests {
    @Test("costs no job, no second terminal update and no byte, whichever stage it was", arguments: Stage.allCases)
    func workers(stage: Stage) async throws {
        // Most stages are over in milliseconds, so their workers are ordered to kill themselves in the middle; see
        // CrashPoints.
        let point: String? =
            switch stage {
            case .download: "piece-written"
            case .process: nil
            case .upload: "object-linked"
            case .cleanup: "entry-removed"
            }
        let order = NSTemporaryDirectory() + "kill-test-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: order) }
        try await TestTree.with(["MP_CRASH_FILE": order]) { tree in
            try await Samples.video(tree.directory + "/sources/clip.mp4", size: "1920x1080", seconds: 3)
            if let point {
                try Data("stage-\(stage.rawValue) \(point) 1 1 death".utf8).write(to: URL(filePath: order))
            }
            // The stage may be over before the signal arrives; then the next job is tried.
            var killed: String?
            for attempt in 1...20 where killed == nil {
                let id = "victim-\(attempt)"
                try await tree.submit(.video, id: id, source: "clip.mp4")
                if point == nil {
                    try await eventually("\(stage) works on \(id)") {
                        guard let worker = try await tree.worker("\(stage.rawValue).video") else { return false }
                        if worker.job == id {
                            kill(worker.processID, SIGKILL)
                            return true
                        }
                        return try await tree.get("/jobs/video/\(id)")?.body.objectValue?["state"] == "finished"
                    }
                }
                let updates = try await tree.updates(.video, untilTheEndOf: [id])
                let mine = updates.filter { $0["job_id"]?.stringValue == id }
                #expect(mine.filter { $0["status"] != "processing" }.count == 1)
                #expect(mine.last?["status"] == "completed")
                let progress = mine.compactMap { $0["progress"]?.clampedInteger }
                #expect(progress == progress.sorted())
                let starts = tree.log.split(separator: "\n").filter {
                    $0.contains("\(stage.rawValue).video") && $0.contains(": \(stage.rawValue) starts")
                        && $0.contains("job.id=\(id) ")
                }
                if starts.count == 2 { killed = id }
            }
            let id = try #require(killed, "no kill hit the stage at work")
            for quality in ["360p", "540p", "720p", "original"] {
                let probe = try await Samples.probe("\(tree.store)/videos/media-\(id)_\(quality).mp4")
                let duration = try #require(probe.format.duration.flatMap(Double.init))
                #expect(abs(duration - 3) < 0.1)
            }
            try await eventually("the workspace is empty") { tree.leftovers().isEmpty }
            // Nothing comes after the end.
            #expect(try await tree.client.messageCount(queue: tree.names.updates(.video)) == 0)
        }
    }

    @Test("that is the supervisor takes all others with it, and the next one finishes the job")
    func supervisor() async throws {
        try await TestTree.with(starting: false) { tree in
            try await Samples.video(tree.directory + "/sources/clip.mp4", size: "1920x1080", seconds: 8)
            let first = try tree.start()
            try await tree.waitUntilHealthy()
            try await tree.submit(.video, id: "orphan", source: "clip.mp4")
            var workers: [pid_t] = []
            try await eventually("processing has begun") {
                guard try await tree.worker("process.video")?.job == "orphan" else { return false }
                for pool in ["download", "process", "upload", "cleanup"] {
                    if let worker = try await tree.worker("\(pool).video") { workers.append(worker.processID) }
                }
                return true
            }
            first.send(SIGKILL)
            #expect(await first.wait() == .signal(SIGKILL))
            try await eventually("no worker is left", within: .seconds(20)) { workers.allSatisfy { kill($0, 0) != 0 } }
            try await tree.running {
                let updates = try await tree.updates(.video, untilTheEndOf: ["orphan"])
                #expect(updates.filter { $0["status"] != "processing" }.count == 1)
                #expect(updates.last?["status"] == "completed")
                #expect(tree.leftovers().isEmpty)
            }
        }
    }

    @Test("is not what a drained one is: its job is handed back and finished by the next tree")
    func drain() async throws {
        try await TestTree.with(["DRAIN_SECONDS": "0"], starting: false) { tree in
            try await Samples.video(tree.directory + "/sources/clip.mp4", size: "1920x1080", seconds: 8)
            try await tree.running {
                try await tree.submit(.video, id: "drained", source: "clip.mp4")
                try await eventually("processing has begun") {
                    try await tree.worker("process.video")?.job == "drained"
                }
            }
            #expect(tree.log.contains("the job is handed back to its queue"))
            try await tree.running {
                let updates = try await tree.updates(.video, untilTheEndOf: ["drained"])
                #expect(updates.last?["status"] == "completed")
                #expect(updates.filter { $0["status"] != "processing" }.count == 1)
                #expect(tree.leftovers().isEmpty)
            }
            let starts = tree.log.split(separator: "\n").filter { $0.contains(": process starts") }
            #expect(starts.count == 2 && starts.allSatisfy { $0.contains("job.starts=1") })
        }
    }
}
