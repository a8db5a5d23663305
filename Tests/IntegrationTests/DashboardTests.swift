import Foundation
import JobModel
import TestSupport
import Testing

/// The dashboard in a real browser, by `Tests/Browser`.
@Suite("The dashboard")
struct DashboardTests {
    @Test("shows a job from submit to completed, cleans an orphan by click, and runs nothing that a job says")
    func browser() async throws {
        let settings = ["ORPHAN_GRACE_MINUTES": "0", "VIDEO_PRESET": "medium", "VIDEO_ORIGINAL": "false"]
        try await TestTree.with(settings) { tree in
            try await Samples.video(tree.sources + "/clip.mp4", seconds: 8)
            // Nobody's: its directory is of no job.
            let stray = tree.workspace + "/jobs/video/stray-1"
            try FileManager.default.createDirectory(atPath: stray, withIntermediateDirectories: true)
            try Data(count: 1_500_000).write(to: URL(filePath: stray + "/left-behind.mp4"))
            let (url, token) = try tree.httpAccess()
            let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Browser/dashboard.py").path
            let shots = ProcessInfo.processInfo.environment["DASHBOARD_SCREENSHOTS"].map { [$0] } ?? []
            let output = try await ChildProcess.run(
                "python3",
                [
                    script, url, token, tree.sources + "/clip.mp4", stray + "/left-behind.mp4",
                ] + shots
            )
            #expect(output.contains("ok: the job is seen to complete"))
            #expect(tree.leftovers().isEmpty)
        }
    }
}
