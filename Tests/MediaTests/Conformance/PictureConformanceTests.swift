import Foundation
import Media
import Testing

/// Pictures that need more than scaling.
@Suite struct PictureConformanceTests {
    private static func interlaced(_ order: String) -> [String] {
        // Two moments in each frame, as a camera makes them.
        let weave = order == "tff" ? "interleave_top" : "interleave_bottom"
        return ["-f", "lavfi", "-i", "testsrc2=s=320x192:r=50:d=0.8", "-vf", "tinterlace=\(weave),setfield=\(order)"]
    }

    @Test(
        "Interlaced pictures come out without combs, in either field order",
        arguments: ["tff", "bff"],
        ["mpeg2.ts", "h264.mp4"]
    )
    func interlaced(order: String, name: String) async throws {
        let scratch = try Scratch()
        let flags = ["-flags", "+ilme+ildct", "-pix_fmt", "yuv420p"]
        let codec =
            name == "mpeg2.ts"
            ? ["-c:v", "mpeg2video", "-q:v", "2", "-top", order == "tff" ? "1" : "0"]
            : ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "5", "-x264-params", "\(order)=1"]
        let path = try await scratch.make(name, Self.interlaced(order) + codec + flags)
        #expect(try await Measure.combedShare(path) > 0.5)
        let outcome = try await process(path, in: scratch)
        #expect(outcome.result.warnings.isEmpty)
        #expect(outcome.result.decodedFrames == 20)
        let rendition = outcome.path("360p.mp4")
        #expect(try await Inspection.of(rendition).video?.nbFrames == "20")
        #expect(try await Measure.combedShare(rendition) < 0.2)
        let filter = "bwdif=mode=send_frame:parity=auto:deint=all"
        let reference = try await scratch.make("ref.mp4", ["-i", path, "-vf", filter, "-c:v", "libx264", "-qp", "3"])
        #expect(try await Measure.similarity(rendition, reference) > 0.95)
        // The other order shakes every moving edge.
        let turned = "setfield=\(order == "tff" ? "bff" : "tff"),\(filter)"
        let wrong = try await scratch.make("wrong.mp4", ["-i", path, "-vf", turned, "-c:v", "libx264", "-qp", "3"])
        let (right, other) = (
            try await Measure.similarity(rendition, reference), try await Measure.similarity(rendition, wrong)
        )
        #expect(right > other, "\(right) \(other)")
    }

    @Test("Interlaced pictures stay as they are where that is set, and progressive ones always")
    func untouched() async throws {
        let scratch = try Scratch()
        let flags = ["-flags", "+ilme+ildct", "-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "2"]
        let path = try await scratch.make("in.ts", Self.interlaced("tff") + flags)
        var profile = quickProfile
        profile.deinterlaces = false
        let outcome = try await process(path, in: scratch, profile: profile)
        #expect(try await Measure.combedShare(outcome.path("360p.mp4")) > 0.5)
        let plain = try await scratch.make("plain.mp4", pattern("320x192", seconds: 0.4) + h264 + ["-qp", "3"])
        let second = try await process(plain, in: try Scratch(), profile: VideoProfile(crf: 3, preset: "ultrafast"))
        #expect(try await Measure.similarity(second.path("360p.mp4"), plain) > 0.97)
    }

    @Test(
        "Transparent pictures are laid over black",
        arguments: [
            ("qtrle.mov", ["-c:v", "qtrle", "-pix_fmt", "argb"]),
            ("prores.mov", ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]),
            (
                "vp9.webm",
                [
                    "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuva420p",
                    "-auto-alt-ref", "0",
                ]
            ),
            ("vp8.webm", ["-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-b:v", "1M"]),
            ("png.mov", ["-c:v", "png", "-pix_fmt", "rgba"]),
        ]
    )
    func transparent(name: String, codec: [String]) async throws {
        let scratch = try Scratch()
        // White everywhere; the right half is transparent.
        let half = "color=white:s=160x96:r=25:d=0.2,format=rgba,geq=r=255:g=255:b=255:a='255*lt(X,80)'"
        let path = try await scratch.make(name, ["-f", "lavfi", "-i", half] + codec)
        let outcome = try await process(path, in: scratch)
        #expect(outcome.metadata.hasAlpha)
        #expect(outcome.result.warnings.isEmpty)
        for file in ["360p.mp4", "thumbnail_0.jpg"] {
            let colors = try await Inspection.quarters(outcome.path(file))
            let expected: [RGB] = [.white, .black, .white, .black]
            #expect(zip(colors, expected).allSatisfy { $0.isNear($1) }, "\(file): \(colors)")
        }
    }

    @Test("The first thumbnail passes over black, unless the film is black or exactness is asked for")
    func blankStart() async throws {
        let scratch = try Scratch()
        let join = ["-filter_complex", "[0][1]concat"]
        let black = ["-f", "lavfi", "-i", "color=black:s=160x96:r=25:d=0.4"]
        let path = try await scratch.make("in.mp4", black + pattern("160x96", seconds: 0.4, rate: "25") + join + h264)
        let outcome = try await process(path, in: scratch)
        let shown = try #require(outcome.result.outputs.first { $0.kind == .thumbnail })
        #expect(abs((shown.timestampSeconds ?? 0) - 0.4) < 0.001)
        #expect(try await !Inspection.quarters(outcome.path("thumbnail_0.jpg")).allSatisfy { $0.isNear(.black) })
        var exact = quickProfile
        exact.thumbnails?.skipsBlank = false
        let second = try await process(path, in: try Scratch(), profile: exact)
        #expect(second.result.outputs.first { $0.kind == .thumbnail }?.timestampSeconds == 0)
        let night = try await process(try await scratch.make("night.mp4", black + h264), in: try Scratch())
        #expect(night.result.outputs.filter { $0.kind == .thumbnail }.map(\.timestampSeconds) == [0])
    }
}
