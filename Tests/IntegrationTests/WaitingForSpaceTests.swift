import Foundation
import JobModel
import TestSupport
import Testing

@Suite("A job that waits for space", .serialized)
struct WaitingForSpaceTests {
    private static let withoutProcessing = ["WORKERS": "process.image=0"]
    private static let mebibyte: Int64 = 1 << 20

    /// Looks for room so far, the first included.
    private static func looks(_ tree: TestTree) -> [Substring] {
        tree.log.split(separator: "\n").filter { $0.contains("the job waits for room on the disk") }
    }

    @Test("tells once that it waits and once that it goes on, however often it looks and whoever restarts")
    func quiet() async throws {
        // Each job reserves three times its MiB, and holds it until processing is done.
        let settings = ["TEMP_MAX_BYTES": "\(7 * Self.mebibyte)", "LOG_LEVEL": "debug"]
        try await TestTree.with(settings, starting: false) { tree in
            try await Samples.paddedPhoto(tree.sources + "/photo.jpg", bytes: Self.mebibyte)
            let ids: Set = ["one", "two", "three"]
            var waiting = ""
            var timeline: [JSONValue] = []
            func look(until count: Int) async throws {
                try await eventually("\(count) looks") { Self.looks(tree).count >= count }
            }
            func timelineNow() async throws -> [JSONValue] {
                try await tree.get("/jobs/image/\(waiting)")?.body.objectValue?["timeline"]?.arrayValue ?? []
            }
            try await tree.running(Self.withoutProcessing) {
                for id in ids.sorted() { try await tree.submit(.image, id: id, source: "photo.jpg") }
                try await look(until: 1)
                for id in ids {
                    let job = try await tree.get("/jobs/image/\(id)")?.body.objectValue
                    if job?["step"] == "waiting_for_space" { waiting = id }
                }
                timeline = try await timelineNow()
                #expect(timeline.count == 3, "\(timeline)")
                let waits = try await tree.get("/jobs/image/\(waiting)")?.body.objectValue?["waiting"]?.objectValue
                #expect(waits?["what"] == "space", "\(String(describing: waits))")
                #expect(waits?["since"] == timeline.last?.objectValue?["at"])
                let shown = try await tree.command("jobs", "image/" + waiting).output
                #expect(shown.contains("  waits for  room for its temp files since "), "\(shown)")
                try await look(until: 3)
            }
            try await tree.running(Self.withoutProcessing) {
                try await look(until: 5)
                #expect(try await timelineNow() == timeline)
            }
            try await tree.running {
                let updates = try await tree.updates(.image, untilTheEndOf: ids)
                for id in ids {
                    let mine = updates.filter { $0["job_id"]?.stringValue == id }
                    #expect(mine.last?["status"] == "completed")
                    let steps = mine.compactMap { $0["current_step"]?.stringValue }
                    let waits = id == waiting ? ["downloading_image", "waiting_for_space"] : []
                    let expected = waits + ["downloading_image", "download_complete"]
                    #expect(Array(steps.prefix(expected.count)) == expected)
                    #expect(steps.count { $0 == "waiting_for_space" } == waits.count / 2)
                }
            }
            // One line when it begins, and none that is not asked for between.
            let told = tree.log.split(separator: "\n").filter { line in
                line.contains("job.id=\(waiting) ") && line.contains(" download.image") && !line.contains(" debug ")
            }
            #expect(Self.looks(tree).count { !$0.contains(" debug ") } == 1)
            #expect(told.count { $0.contains("download starts") } == 1)
            #expect(told.count { $0.contains("the job waits for room no longer") } == 1)
        }
    }
}
