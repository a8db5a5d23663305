import Foundation
import Media
import Testing

/// Times of sources that are strange or cannot be true.
@Suite struct TimeConformanceTests {
    private func clip(_ scratch: Scratch, _ name: String = "clip.mp4", seconds: Double = 0.8) async throws -> String {
        try await scratch.make(
            name,
            pattern("160x96", seconds: seconds, rate: "25") + tone(seconds: seconds) + h264 + ["-c:a", "aac"]
        )
    }

    /// Every output lasts about so long, has all pictures, and few thumbnails.
    private func expect(
        _ outcome: Outcome,
        seconds: Double,
        pictures: Int,
        within tolerance: Double = 0.1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(abs(outcome.metadata.durationSeconds - seconds) <= tolerance, sourceLocation: sourceLocation)
        #expect(outcome.progress.last == 1, sourceLocation: sourceLocation)
        for name in ["360p.mp4", "original.mp4"] {
            let file = try await Inspection.of(outcome.path(name))
            #expect(abs(file.durationSeconds - seconds) <= tolerance, "\(name)", sourceLocation: sourceLocation)
            #expect(file.video?.nbFrames == "\(pictures)", "\(name)", sourceLocation: sourceLocation)
        }
        let thumbnails = outcome.result.outputs.filter { $0.kind == .thumbnail }
        #expect(thumbnails.count <= pictures && !thumbnails.isEmpty, sourceLocation: sourceLocation)
    }

    @Test("A gap of eleven hours is closed", arguments: ["vide", "soun"], [false, true])
    func gap(track: String, isStated: Bool) async throws {
        let scratch = try Scratch()
        let file = try PatchedMP4(try await clip(scratch))
        file.retime(track, isStated: isStated) { $0[$0.count / 2] = 40_000 }
        let outcome = try await process(try scratch.write(file.data, to: "in.mp4"), in: scratch)
        try await expect(outcome, seconds: 0.8, pictures: 20)
        #expect(outcome.result.warnings.map(\.code) == [.gapsClosed])
    }

    @Test("A last picture of ten hours is shown for ten seconds")
    func lastPicture() async throws {
        let scratch = try Scratch()
        let file = try PatchedMP4(try await clip(scratch))
        file.retime("vide", isStated: true) { $0[$0.count - 1] = 36_000 }
        let outcome = try await process(try scratch.write(file.data, to: "in.mp4"), in: scratch)
        try await expect(outcome, seconds: 10.76, pictures: 20)
    }

    @Test("Two pictures an hour apart stay so, and make two thumbnails")
    func twoPictures() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mkv", ["-f", "lavfi", "-i", "testsrc2=s=160x96:r=1/3600:d=7200"] + h264)
        let outcome = try await process(path, in: scratch)
        try await expect(outcome, seconds: 7_200, pictures: 2)
        #expect(outcome.result.outputs.filter { $0.kind == .thumbnail }.map(\.index) == [0, 1])
    }

    @Test(
        "Joined transport streams are continuous, whatever their clocks say",
        arguments: [(0.0, 0.0), (0, 90_000), (90_000, 0), (0, -0.5), (95_443.3, 50_000)]
    )
    func splice(first: Double, second: Double) async throws {
        let scratch = try Scratch()
        let film = try await clip(scratch)
        var joined = Data()
        for (name, offset) in [("a.ts", first), ("b.ts", second)] {
            let shift = ["-output_ts_offset", "\(offset)", "-muxdelay", "0", "-muxpreload", "0"]
            let part = try await scratch.make(name, ["-i", film, "-c", "copy"] + shift)
            joined += try Data(contentsOf: URL(fileURLWithPath: part))
        }
        let outcome = try await process(try scratch.write(joined, to: "in.ts"), in: scratch)
        try await expect(outcome, seconds: 1.6, pictures: 40)
        #expect(outcome.result.droppedFrames == 0)
    }

    @Test("Pictures whose times are all equal follow each other at the file's rate")
    func equalTimes() async throws {
        let scratch = try Scratch()
        let film = try await clip(scratch)
        let path = try await scratch.make("in.mkv", ["-i", film, "-map", "0:v", "-c", "copy", "-bsf:v", "setts=ts=0"])
        let outcome = try await process(path, in: scratch)
        try await expect(outcome, seconds: 0.8, pictures: 20)
        #expect(outcome.result.warnings.map(\.code) == [.timesInvented])
    }

    @Test("A rate of 90,000 pictures a second gives way to one at which pictures last as long as the sound")
    func absurdRate() async throws {
        let scratch = try Scratch()
        let file = try PatchedMP4(try await clip(scratch))
        file.retime("vide", isStated: true) { times in times = times.map { _ in 1.0 / 12_800 } }
        let outcome = try await process(try scratch.write(file.data, to: "in.mp4"), in: scratch)
        try await expect(outcome, seconds: 0.8, pictures: 20)
        #expect(outcome.result.warnings.map(\.code) == [.timesInvented])
    }

    @Test(
        "Fast sources are thinned out evenly, and last as long as before",
        arguments: [("999", 0.5, 29...30), ("240", 0.5, 30...30), ("100", 0.5, 25...25), ("60", 0.5, 30...30)]
    )
    func fastSources(rate: String, seconds: Double, pictures: ClosedRange<Int>) async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mkv", pattern("64x64", seconds: seconds, rate: rate) + h264)
        let outcome = try await process(path, in: scratch)
        let file = try await Inspection.of(outcome.path("360p.mp4"))
        #expect(pictures.contains(Int(file.video?.nbFrames ?? "") ?? 0), "\(file.video?.nbFrames ?? "")")
        #expect(abs(file.durationSeconds - seconds) < 0.02, "\(file.durationSeconds)")
        let times = try await Inspection.pictureTimes(outcome.path("360p.mp4")).all
        let steps = zip(times.dropFirst(), times).map { $0 - $1 }
        #expect((steps.max() ?? 0) - (steps.min() ?? 0) < 0.004, "\(steps)")
        let original = try await Inspection.of(outcome.path("original.mp4"))
        let count = Double(original.video?.nbFrames ?? "") ?? 0
        #expect(abs(count - seconds * (Double(rate) ?? 0)) <= 1)
    }

    @Test("Sound that drifts or has a small gap stays with the picture", arguments: [0.03, 0.08])
    func smallGap(gap: Double) async throws {
        let scratch = try Scratch()
        // Beeps at 0.2 and 1.2 s; the second half comes later by the gap, in the times alone.
        let beep = [
            "-f", "lavfi", "-i", "aevalsrc='if(lt(mod(t,1),0.2),0,if(lt(mod(t,1),0.3),sin(5000*t),0))':d=2:s=48000",
        ]
        let times = "asetnsamples=480,asetpts=PTS+if(gt(T\\,1)\\,\(gap)/TB\\,0)"
        let shift = ["-c:a", "pcm_s16le", "-af", times]
        let path = try await scratch.make("in.mkv", pattern("64x64", seconds: 2.2) + beep + h264 + shift)
        let outcome = try await process(path, in: scratch)
        let onset = try await Measure.lastOnset(outcome.path("360p.mp4"))
        #expect(abs(onset - (1.2 + gap)) < 0.015, "\(onset)")
    }
}
