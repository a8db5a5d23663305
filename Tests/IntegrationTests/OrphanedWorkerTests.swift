import CrashPoints
import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A worker whose supervisor is killed")
struct OrphanedWorkerTests {
    @Test("does not go on for DRAIN_SECONDS with its job, which the next tree does")
    func endsSoon() async throws {
        try await TestTree.with(["DRAIN_SECONDS": "86400"], starting: false) { tree in
            try await Samples.photo(tree.sources + "/photo.jpg")
            let supervisor = try tree.start()
            try await tree.waitUntilHealthy()
            // Work that would not end by itself, nor by being cancelled.
            let order = CrashOrder(process: "stage-process", point: .outputBegun, crossing: 1, number: 1, effect: .hold)
            try Data(order.text.utf8).write(to: URL(filePath: tree.directory + "/crash"), options: .atomic)
            try await tree.submit(.image, id: "held", source: "photo.jpg")
            try await eventually("the job is held") {
                FileManager.default.fileExists(atPath: tree.directory + "/crash.held")
            }
            let processes = tree.descendants()
            #expect(processes.count == 8)
            supervisor.send(SIGKILL)
            #expect(await supervisor.wait() == .signal(SIGKILL))
            // A worker allows itself eight seconds, although it was granted a day.
            try await eventually("no process is left", within: .seconds(120)) {
                processes.allSatisfy { kill($0, 0) != 0 }
            }
            try FileManager.default.removeItem(atPath: tree.directory + "/crash")
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ["held"])
                #expect(updates.last?["status"] == "completed")
            }
        }
    }
}
