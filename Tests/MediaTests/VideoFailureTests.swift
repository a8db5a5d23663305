import Foundation
import Media
import Testing

@Suite struct VideoFailureTests {
    @Test("Cancelling ends the run within a frame, and says so")
    func cancellation() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("640x360", seconds: 5) + h264)
        let calls = Counter()
        let error = await #expect(throws: MediaError.self) {
            try await process(path, in: scratch) { calls.next() > 40 }
        }
        #expect(error?.code == .cancelled)
        #expect(error?.isRetriable == true)
    }

    @Test("A path that the caller refuses ends the run with the caller's error")
    func refusedPath() async throws {
        struct Full: Error {}
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("320x240", seconds: 1) + h264)
        let metadata = try await probe(path)
        let plan = try MediaPlan(source: metadata, profile: quickProfile)
        for refused in plan.fileNames {
            let error = await #expect(throws: MediaError.self) {
                try await onThread {
                    let callbacks = VideoEngine.Callbacks(outputPath: { name in
                        if name == refused { throw Full() }
                        return scratch.output(name)
                    })
                    _ = try VideoEngine(plan: plan, logger: quietLogger).run(input: path, callbacks: callbacks)
                }
            }
            #expect(error?.code == .outputRefused)
            #expect(error?.underlying is Full)
        }
    }

    @Test("A full disk is a retriable error that names the file and the cause")
    func fullDisk() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("640x360", seconds: 3) + h264)
        let plan = try MediaPlan(source: try await probe(path), profile: quickProfile)
        for full in plan.fileNames {
            let error = await #expect(throws: MediaError.self) {
                try await onThread {
                    let callbacks = VideoEngine.Callbacks(outputPath: { name in
                        name == full ? "/dev/full" : scratch.output(name)
                    })
                    _ = try VideoEngine(plan: plan, logger: quietLogger).run(input: path, callbacks: callbacks)
                }
            }
            #expect(error?.code == .writeFailed, "\(full): \(String(describing: error))")
            #expect(error?.isRetriable == true)
            #expect(error?.errorNumber == ENOSPC)
            #expect(error?.message.contains(full) == true)
        }
    }

    @Test("A plan from elsewhere is checked before libav sees it")
    func damagedPlan() async throws {
        var plan = try MediaPlan(source: source(640, 360), profile: quickProfile)
        try #require(!plan.renditions.isEmpty)
        plan.renditions[0].width = 641
        plan.encoding.preset = "warp"
        let broken = plan
        let error = await #expect(throws: MediaError.self) {
            try await onThread {
                _ = try VideoEngine(plan: broken, logger: quietLogger).run(
                    input: "/nonexistent",
                    callbacks: .init(outputPath: { $0 })
                )
            }
        }
        #expect(error?.code == .invalidPlan)
        #expect(error?.message.contains("641x360") == true)
        #expect(error?.message.contains("warp") == true)
    }
}
