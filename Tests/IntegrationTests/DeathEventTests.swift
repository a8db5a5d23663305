import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("The death of a worker")
struct DeathEventTests {
    @Test("is told with its cause: in the job's timeline and history, in its message, in health and in metrics")
    func told() async throws {
        try await TestTree.with(["WORKERS": "upload.video=0"]) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", size: "1920x1080", seconds: 4)
            try await tree.submit(.video, id: "victim", source: "clip.mp4")
            try await eventually("processing has begun") {
                guard let worker = try await tree.worker("process.video"), worker.job == "victim" else { return false }
                kill(worker.processID, SIGKILL)
                return true
            }
            // The next stage has no worker, so its message can be looked at.
            let waiting = tree.names.work(.video, .upload)
            try await eventually("the job waits for its upload") {
                try await tree.client.messageCount(queue: waiting) == 1
            }
            let cause = "process.video.1: signal 9 (SIGKILL)"
            let message = try #require(try await tree.peek(waiting))
            let carried = try #require(message["history"]?.arrayValue?.first?.objectValue)
            #expect(carried["code"] == "worker_died" && carried["stage"] == "process", "\(carried)")
            #expect(message["history"]?.arrayValue?.count == 1)

            let job = try #require(try await tree.get("/jobs/video/victim")?.body.objectValue)
            let events = job["timeline"]?.arrayValue?.compactMap(\.objectValue) ?? []
            let deaths = events.filter { $0["what"] == "workerDied" }
            #expect(deaths.count == 1)
            #expect(deaths.first?["detail"]?.stringValue == cause)
            #expect(deaths.first?["stage"] == "process")
            let history = job["history"]?.arrayValue?.compactMap(\.objectValue) ?? []
            #expect(history.map { $0["message"]?.stringValue } == ["the worker died: \(cause)"])

            let shown = try await tree.command("jobs", "victim").output
            #expect(shown.contains("worker died") && shown.contains(cause))
            let counted = #"media_processor_worker_deaths_total{kind="video",stage="process",cause="SIGKILL"} 1"#
            #expect(try await tree.text("/metrics").contains(counted + "\n"))
            #expect(try await tree.deaths("process.video") == 1)

            // An ordered end is no death.
            let before = try await tree.restarts()
            _ = try await tree.post("/pools/process.video/restart", ["rolling": false])
            try await eventually("the worker is a new one") { try await tree.restarts() == before + 1 }
            #expect(try await tree.deaths("process.video") == 1)
            #expect(try await tree.text("/metrics").contains(counted + "\n"))

            _ = try await tree.post("/pools/upload.video/scale", ["workers": 1])
            let updates = try await tree.updates(.video, untilTheEndOf: ["victim"])
            #expect(updates.last?["status"] == "completed")
            let ended = try #require(try await tree.get("/jobs/video/victim")?.body.objectValue)
            #expect(ended["history"] == job["history"])
        }
    }
}

extension TestTree {
    fileprivate func deaths(_ pool: String) async throws -> Int64? {
        let pools = try await get("/health")?.body.objectValue?["pools"]?.objectValue
        return pools?[ByteText(pool)]?.objectValue?["deaths"]?.clampedInteger
    }
}
