import Foundation
import JobModel
import Queues
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
            let shots = ProcessInfo.processInfo.environment["DASHBOARD_SCREENSHOTS"].map { [$0] } ?? []
            let output = try await ChildProcess.run(
                "python3",
                [
                    Self.script("dashboard.py"), url, token, tree.sources + "/clip.mp4", stray + "/left-behind.mp4",
                ] + shots
            )
            for promise in [
                "the job is seen to complete", "it tells nothing that it does not know yet",
                "the job is found by holiday",
                "a restart that was asked for is no death", "a death is one, with its signal",
                "jobs come before stages there", "nothing is clipped",
            ] { #expect(output.contains("ok: \(promise)")) }
            #expect(tree.leftovers().isEmpty)
        }
    }

    @Test("asks for the token where it is needed, and works with it: for changes, and by a proxy's name for all")
    func token() async throws {
        // Names beneath localhost are loopback's to a browser.
        let settings = ["API_TOKEN": "0123456789abcdef", "HTTP_HOSTS": "media.localhost"]
        try await TestTree.with(settings) { tree in
            let (url, token) = try tree.httpAccess()
            let output = try await ChildProcess.run(
                "python3",
                [Self.script("token.py"), url, "media.localhost", token]
            )
            #expect(output.contains("ok: with the token the page changes something"))
            #expect(output.contains("ok: with the token the page shows the tree by the proxy's name"))
        }
    }

    private static func script(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Browser/" + name
        )
        .path
    }
}
