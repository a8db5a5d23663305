import Foundation
import Media
import Testing

@Suite struct VideoEngineTests {
    @Test("A landscape video gets its ladder, the original as it is, and thumbnails")
    func landscape() async throws {
        let scratch = try Scratch()
        let input = pattern("1280x720", seconds: 5) + tone(seconds: 5)
        let path = try await scratch.make("in.mp4", input + h264 + ["-bf", "2", "-c:a", "aac"])
        var profile = quickProfile
        profile.thumbnails?.intervalSeconds = 2
        let outcome = try await process(path, in: scratch, profile: profile)
        try await expectSound(outcome, frameSeconds: 1.0 / 30)
        #expect(outcome.result.outputs.map(\.fileName) == outcome.plan.fileNames)
        #expect(outcome.result.outputs.compactMap(\.timestampSeconds) == [0, 2, 4])
        #expect(outcome.result.decodedFrames == 150)
        #expect(outcome.result.decodeErrors == 0)
        #expect(try await Inspection.pictureTimes(outcome.path("720p.mp4")).keyframes == [0, 2, 4])
        // The sound is encoded once: the same packets are in each rendition.
        let sounds = try await Set(
            ["360p.mp4", "540p.mp4", "720p.mp4"].asyncMap {
                try await Tool.run("ffmpeg", ["-loglevel", "error", "-i", outcome.path($0)] + audioHash)
            }
        )
        #expect(sounds.count == 1)
        // The original's packets are the source's.
        let hashes = try await Set(
            [path, outcome.path("original.mp4")].asyncMap {
                try await Tool.run("ffmpeg", ["-loglevel", "error", "-i", $0, "-c", "copy", "-f", "md5", "-"])
            }
        )
        #expect(hashes.count == 1)
    }

    @Test("A turned video comes out upright and without a tag", arguments: [90, 180, 270])
    func rotation(degrees: Int) async throws {
        let scratch = try Scratch()
        // Upright it shows red and green above, blue and white below.
        let upright = try await scratch.make("upright.mp4", quarters("192x320") + h264)
        let turns = [90: "transpose=2", 180: "hflip,vflip", 270: "transpose=1"]
        let turned = try await scratch.make("turned.mp4", ["-i", upright, "-vf", turns[degrees] ?? ""] + h264)
        // The option is the turn that was made, counted counter-clockwise.
        let tag = ["-i", turned, "-c", "copy", "-metadata:s:v", "rotate=\(360 - degrees)"]
        let path = try await scratch.make("in.mp4", tag)
        let outcome = try await process(path, in: scratch)
        #expect(outcome.metadata.rotationDegrees == degrees)
        #expect(outcome.metadata.resolution == "192x320")
        try await expectSound(outcome, frameSeconds: 1.0 / 25)
        for name in ["360p.mp4", "thumbnail_0.jpg"] {
            let colors = try await Inspection.quarters(outcome.path(name))
            let expected: [RGB] = [.red, .green, .blue, .white]
            #expect(zip(colors, expected).allSatisfy { $0.isNear($1) }, "\(name): \(colors)")
        }
        // The copied original keeps its tag.
        let original = try await Inspection.of(outcome.path("original.mp4"))
        let source = try await Inspection.of(path)
        #expect(original.video?.sideDataList?.first?.rotation == source.video?.sideDataList?.first?.rotation)
        #expect(try outcome.output("original").width == 192)
    }

    @Test("A turned source that has to be transcoded comes out upright too")
    func rotatedOriginal() async throws {
        let scratch = try Scratch()
        let raw = try await scratch.make("raw.mov", quarters("320x192") + ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"])
        let path = try await scratch.make("in.mov", ["-i", raw, "-c", "copy", "-metadata:s:v", "rotate=180"])
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: 1.0 / 25)
        #expect(outcome.plan.original?.video == .transcode)
        for name in ["360p.mp4", "original.mp4", "thumbnail_0.jpg"] {
            let colors = try await Inspection.quarters(outcome.path(name))
            let expected: [RGB] = [.white, .blue, .green, .red]
            #expect(zip(colors, expected).allSatisfy { $0.isNear($1) }, "\(name): \(colors)")
        }
    }

    @Test("Pixels become square")
    func anamorphic() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make(
            "in.mp4",
            pattern("720x576", seconds: 2, rate: "25") + ["-aspect", "16:9"] + h264
        )
        let outcome = try await process(path, in: scratch)
        #expect(outcome.metadata.resolution == "1024x576")
        #expect(outcome.plan.renditions.map { "\($0.width)x\($0.height)" } == ["640x360", "960x540"])
        try await expectSound(outcome, frameSeconds: 1.0 / 25)
    }

    @Test("A size that changes on the way is scaled, not refused")
    func changingSize() async throws {
        let scratch = try Scratch()
        let small = try await scratch.make("a.ts", pattern("640x360", seconds: 1) + h264)
        let large = try await scratch.make("b.ts", pattern("960x540", seconds: 1) + h264)
        let joined = try Data(contentsOf: URL(fileURLWithPath: small)) + Data(contentsOf: URL(fileURLWithPath: large))
        let path = try scratch.write(joined, to: "in.ts")
        let outcome = try await process(path, in: scratch)
        #expect(outcome.result.decodedFrames == 60)
        #expect(try await Inspection.of(outcome.path("360p.mp4")).video?.width == 640)
    }

    @Test("Full range and the matrices of SD and HD keep their colours", arguments: ["bt709", "smpte170m"])
    func colors(matrix: String) async throws {
        for range in ["tv", "pc"] {
            let scratch = try Scratch()
            let convert = ["-vf", "scale=out_color_matrix=\(matrix):out_range=\(range),format=yuv420p"]
            let tags = ["-colorspace", matrix, "-color_range", range]
            let name = "\(range).mp4"
            // The wrong matrix or range moves this colour by 10 and more.
            let plain = ["-f", "lavfi", "-i", "color=0xB04020:s=640x360:r=25:d=1,format=rgb24"]
            let path = try await scratch.make(name, plain + convert + tags + ["-c:v", "libx264", "-qp", "5"])
            let outcome = try await process(path, in: scratch)
            for name in ["360p.mp4", "thumbnail_0.jpg"] {
                let colors = try await Inspection.quarters(outcome.path(name))
                let expected = RGB(red: 0xB0, green: 0x40, blue: 0x20)
                #expect(colors.allSatisfy { $0.isNear(expected, within: 5) }, "\(range) \(name): \(colors)")
            }
            #expect(try await Inspection.of(outcome.path("360p.mp4")).video?.colorSpace == matrix)
        }
    }
}

private let audioHash = ["-map", "0:a", "-c", "copy", "-f", "md5", "-"]

extension Sequence {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
