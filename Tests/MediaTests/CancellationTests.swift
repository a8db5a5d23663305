import Foundation
import Logging
import Media
import Synchronization
import TestSupport
import Testing

/// All bounds are counts: of pictures, of packets, of looks at the flag. No time is promised here.
@Suite struct CancellationTests {
    /// The most that may be done after the request: each thread finishes its present step, and looks.
    private static let looksAfterTheWish = 24

    @Test("A probe that reads the whole file ends at the next packet", arguments: [0.02, 0.3, 0.7])
    func scanning(share: Double) async throws {
        let scratch = try Scratch()
        // A raw stream does not know how long it is, so every packet of it is read.
        let path = try await scratch.make("in.h264", pattern("160x120", seconds: 40) + h264 + ["-f", "h264"])
        let all = Looks()
        _ = try await onThread {
            try VideoProbe.probe(path: path, logger: quietLogger, isCancelled: { all.look() })
        }
        #expect(all.count > 1_200, "the flag is looked at for each of 1,200 pictures")
        let looks = Looks(wishAt: Int(Double(all.count) * share))
        let error = await #expect(throws: MediaError.self) {
            try await onThread {
                try VideoProbe.probe(path: path, logger: quietLogger, isCancelled: { looks.look() })
            }
        }
        #expect(error?.code == .cancelled)
        #expect(looks.afterTheWish <= Self.looksAfterTheWish)
    }

    @Test("A probe that looks for what a file does not tell ends at the next read", arguments: [2, 20, 60])
    func looking(wish: Int) async throws {
        let scratch = try Scratch()
        // Sound that is announced and never comes is looked for as far as libav goes.
        let whole = try await scratch.make(
            "whole.ts",
            pattern("640x360", seconds: 20) + tone(seconds: 20) + h264 + ["-b:v", "4M", "-c:a", "aac"]
        )
        let silent = TransportStream.withoutSound(try Data(contentsOf: URL(filePath: whole)))
        let path = try scratch.write(silent, to: "in.ts")
        let all = Looks()
        _ = try? await onThread {
            try VideoProbe.probe(path: path, logger: quietLogger, isCancelled: { all.look() })
        }
        #expect(all.count > 200)
        let looks = Looks(wishAt: wish)
        let error = await #expect(throws: MediaError.self) {
            try await onThread {
                try VideoProbe.probe(path: path, logger: quietLogger, isCancelled: { looks.look() })
            }
        }
        #expect(error?.code == .cancelled)
        #expect(looks.afterTheWish <= Self.looksAfterTheWish)
    }

    @Test("Decoding ends within a few pictures, and encoding with it", arguments: [0.1, 0.5])
    func decoding(share: Double) async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("320x180", seconds: 20) + h264)
        let pictures = try await picturesOfCancelledRun(path, scratch, preset: "ultrafast") { progress, _ in
            progress >= share
        }
        // Pictures in queues and inside the decoder were decoded before.
        #expect(pictures.decoded <= Int(share * 600) + 24)
    }

    @Test("Encoders with dozens of pictures inside are not emptied")
    func flushing() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("320x180", seconds: 5) + h264)
        let looksAtTheEnd = Mutex<Int?>(nil)
        let pictures = try await picturesOfCancelledRun(path, scratch, preset: "veryslow") { progress, looks in
            guard progress >= 0.99 else { return false }
            // The last pictures have to get through the queues first.
            let first = looksAtTheEnd.withLock { known in
                known = known ?? looks
                return known ?? looks
            }
            return looks > first + 25
        }
        #expect(pictures.decoded == 150)
        // 60 pictures of lookahead wait in the encoder when the last one comes.
        #expect(pictures.encoded < 150 - 30)
    }

    @Test("A file whose index is being moved to its front is left as it is")
    func movingTheIndex() async throws {
        let scratch = try Scratch()
        // A copy of the source is long; the renditions beside it are small.
        let path = try await scratch.make(
            "in.mp4",
            pattern("320x180", seconds: 60) + h264
                + ["-b:v", "4M", "-maxrate", "4M", "-bufsize", "1M", "-x264-params", "nal-hrd=cbr"]
        )
        var profile = quickProfile
        profile.includeOriginal = true
        profile.thumbnails = nil
        let original = scratch.output("original.mp4")
        // The muxer opens the file a second time, to read it while it writes it.
        let isMoving: @Sendable () -> Bool = { Self.descriptors(of: original) > 1 }
        let all = Looks()
        _ = try await process(path, in: scratch, profile: profile) {
            if all.hasWish || isMoving() { all.wish() }
            _ = all.look()
            return false
        }
        let unhindered = all.afterTheWish
        #expect(unhindered > 2 * Self.looksAfterTheWish, "\(unhindered)")
        let looks = Looks()
        let error = await #expect(throws: MediaError.self) {
            try await process(path, in: scratch, profile: profile) {
                if isMoving() { looks.wish() }
                return looks.look()
            }
        }
        #expect(error?.code == .cancelled)
        #expect(looks.afterTheWish <= Self.looksAfterTheWish)
    }

    private static func descriptors(of path: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    /// Runs until `wish` holds, and returns the engine's counts of its progress.
    private func picturesOfCancelledRun(
        _ path: String,
        _ scratch: Scratch,
        preset: String,
        wish: @escaping @Sendable (_ progress: Double, _ looks: Int) -> Bool
    ) async throws -> (decoded: Int, encoded: Int) {
        let (looks, log) = (Looks(), LogRecorder())
        let progress = Mutex(0.0)
        let error = await #expect(throws: MediaError.self) {
            try await onThread {
                let metadata = try VideoProbe.probe(path: path, logger: quietLogger)
                let plan = try MediaPlan(source: metadata, profile: VideoProfile(preset: preset))
                let callbacks = VideoEngine.Callbacks(
                    outputPath: { scratch.output($0) },
                    progress: { value in progress.withLock { $0 = value } },
                    isCancelled: {
                        if wish(progress.withLock { $0 }, looks.count) { looks.wish() }
                        return looks.look()
                    }
                )
                _ = try VideoEngine(plan: plan, logger: log.logger, threads: .init(decoder: 1, encoder: 1))
                    .run(input: path, callbacks: callbacks)
            }
        }
        #expect(error?.code == .cancelled)
        #expect(looks.afterTheWish <= Self.looksAfterTheWish)
        let told = try #require(log.lines.first { $0.metadata["pictures.decoded"] != nil }?.metadata)
        return (Int(told["pictures.decoded"] ?? "") ?? .max, Int(told["pictures.encoded"] ?? "") ?? .max)
    }
}

/// Looks at a flag, counted.
private final class Looks: Sendable {
    private struct State {
        var count = 0
        var wishAt = Int.max
        var afterTheWish = 0
    }

    private let state: Mutex<State>

    init(wishAt: Int = .max) { state = Mutex(State(wishAt: wishAt)) }

    var count: Int { state.withLock { $0.count } }
    /// Looks that found the request, without the first.
    var afterTheWish: Int { state.withLock { max($0.afterTheWish - 1, 0) } }
    var hasWish: Bool { state.withLock { $0.count >= $0.wishAt } }

    func wish() { state.withLock { $0.wishAt = min($0.wishAt, $0.count) } }

    func look() -> Bool {
        state.withLock { state in
            state.count += 1
            guard state.count > state.wishAt else { return false }
            state.afterTheWish += 1
            return true
        }
    }
}

private enum TransportStream {
    private static let packetBytes = 188

    /// The same stream without the packets of its second elementary stream, which its tables still announce.
    static func withoutSound(_ stream: Data) -> Data {
        var kept = Data()
        var position = stream.startIndex
        while position + packetBytes <= stream.endIndex {
            let identifier = Int(stream[position + 1] & 0x1F) << 8 | Int(stream[position + 2])
            // ffmpeg numbers elementary streams from 0x100 on.
            if identifier != 0x101 { kept += stream[position..<position + packetBytes] }
            position += packetBytes
        }
        return kept
    }
}
