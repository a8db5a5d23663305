import Foundation
import Media
import Testing

private func pattern(_ size: String, seconds: Double, rate: String = "30") -> [String] {
    ["-f", "lavfi", "-i", "testsrc2=s=\(size):r=\(rate):d=\(seconds)"]
}

private func tone(seconds: Double, rate: Int = 48_000) -> [String] {
    ["-f", "lavfi", "-i", "sine=440:d=\(seconds):r=\(rate)"]
}

private let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]

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
        #expect(original.video?.side_data_list?.first?.rotation == source.video?.side_data_list?.first?.rotation)
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

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var arguments: [String]
        var frameSeconds = 1.0 / 30
        var testDescription: String { name }
    }

    @Test(
        "Other codecs, containers and pixel formats",
        arguments: [
            Case(
                name: "hevc10.mp4",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + [
                        "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                        "log-level=0",
                    ]
                    + ["-tag:v", "hev1", "-c:a", "aac"]
            ),
            Case(
                name: "vp9.webm",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]
            ),
            Case(
                name: "vp8.webm",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"]
            ),
            Case(
                name: "mpeg2.ts",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + ["-c:v", "mpeg2video", "-bf", "2", "-b:v", "4M", "-c:a", "mp2"],
                frameSeconds: 0.08
            ),
            Case(
                name: "h264.ts",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3) + h264 + ["-bf", "2", "-c:a", "aac"],
                frameSeconds: 0.08
            ),
            Case(
                name: "mpeg4.avi",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + ["-c:v", "mpeg4", "-bf", "2", "-q:v", "5", "-c:a", "libmp3lame"],
                frameSeconds: 0.08
            ),
            Case(
                name: "silent.mov",
                arguments: pattern("640x360", seconds: 3) + h264
            ),
            Case(
                name: "high444.mp4",
                arguments: pattern("640x360", seconds: 3)
                    + ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"]
            ),
            Case(
                name: "prores.mov",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3)
                    + ["-c:v", "prores_ks", "-profile:v", "0", "-pix_fmt", "yuv422p10le", "-c:a", "pcm_s24le"]
            ),
            Case(
                name: "rgb.mkv",
                arguments: pattern("640x360", seconds: 3) + ["-c:v", "libx264rgb", "-preset", "ultrafast"]
            ),
            Case(
                name: "surround.mkv",
                arguments: pattern("640x360", seconds: 3)
                    + ["-f", "lavfi", "-i", "anoisesrc=d=3:r=96000,aformat=channel_layouts=5.1"] + h264
                    + ["-c:a", "flac"]
            ),
            Case(
                name: "longsound.mp4",
                arguments: pattern("640x360", seconds: 2) + tone(seconds: 4, rate: 44_100) + h264 + ["-c:a", "aac"]
            ),
            Case(
                name: "odd.mkv",
                arguments: pattern("643x363", seconds: 2)
                    + ["-c:v", "ffv1", "-pix_fmt", "yuv444p"]
            ),
            Case(
                name: "ntsc.mp4",
                arguments: pattern("640x360", seconds: 4, rate: "30000/1001") + tone(seconds: 4) + h264
                    + ["-bf", "3", "-c:a", "aac"]
            ),
            Case(
                name: "fragmented.mp4",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3) + h264
                    + ["-g", "30", "-c:a", "aac", "-movflags", "+frag_keyframe+empty_moov"]
            ),
            Case(
                name: "live.mkv",
                arguments: pattern("640x360", seconds: 3) + tone(seconds: 3) + h264 + ["-c:a", "aac", "-live", "1"]
            ),
            Case(
                name: "raw.h264",
                arguments: pattern("640x360", seconds: 3, rate: "25") + h264 + ["-bf", "2"],
                frameSeconds: 1.0 / 25
            ),
        ]
    )
    func formats(_ test: Case) async throws {
        let scratch = try Scratch()
        let path = try await scratch.make(test.name, test.arguments)
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: test.frameSeconds)
        #expect(outcome.result.decodeErrors == 0)
        #expect(outcome.result.droppedFrames == 0)
        if test.name == "hevc10.mp4" {
            #expect(try await Inspection.of(outcome.path("original.mp4")).video?.codec_tag_string == "hvc1")
        }
        if test.name == "surround.mkv" {
            let audio = try await Inspection.of(outcome.path("360p.mp4")).audio
            #expect(audio?.channels == 2)
            #expect(audio?.sample_rate == "48000")
        }
    }

    @Test("Variable frame rate passes through")
    func variableFrameRate() async throws {
        let scratch = try Scratch()
        let select = ["-vf", "select='not(between(n,20,50))*(lt(n,60)+not(mod(n,3)))'", "-vsync", "vfr"]
        let path = try await scratch.make("in.mp4", pattern("640x360", seconds: 4) + select + h264 + ["-bf", "2"])
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: 1)
        let source = try await Inspection.pictureTimes(path).all
        let rendition = try await Inspection.pictureTimes(outcome.path("360p.mp4")).all
        #expect(source.count == rendition.count)
        #expect(zip(source, rendition).allSatisfy { abs($0 - $1) < 0.002 })
    }

    @Test("Sound and picture stay together when they start at different times", arguments: ["-0.7", "0.7"])
    func offsets(offset: String) async throws {
        let scratch = try Scratch()
        // A white flash and a beep, both one second after their start; the sound is shifted.
        let flash = [
            "-f", "lavfi", "-i", "color=black:s=320x240:r=25:d=3,drawbox=c=white:t=fill:enable='between(t,1,1.2)'",
        ]
        let beep = ["-f", "lavfi", "-i", "aevalsrc='if(between(t,1,1.2),sin(2764*t),0)':d=3:s=48000"]
        let plain = try await scratch.make("plain.mkv", flash + beep + ["-c:v", "ffv1", "-c:a", "pcm_s16le"])
        let shift = ["-i", plain, "-itsoffset", offset, "-i", plain, "-map", "0:v", "-map", "1:a"]
        let path = try await scratch.make("in.mp4", shift + h264 + ["-c:a", "aac", "-avoid_negative_ts", "make_zero"])
        let outcome = try await process(path, in: scratch)
        for name in ["360p.mp4", "original.mp4"] {
            let (sourceTimes, times) = (try await onsets(path), try await onsets(outcome.path(name)))
            let difference = (times.sound - times.picture) - (sourceTimes.sound - sourceTimes.picture)
            #expect(abs(difference) < 0.03, "\(name): \(sourceTimes) \(times)")
        }
    }

    @Test("A cut made without encoding, which hides frames by an edit list, keeps its times")
    func editList() async throws {
        let scratch = try Scratch()
        let whole = try await scratch.make(
            "whole.mp4",
            pattern("640x360", seconds: 5) + tone(seconds: 5) + h264 + ["-bf", "2", "-g", "30", "-c:a", "aac"]
        )
        let path = try await scratch.make("in.mp4", ["-ss", "1.5", "-i", whole, "-c", "copy"])
        let outcome = try await process(path, in: scratch)
        try await expectSound(outcome, frameSeconds: 1.0 / 30)
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
            #expect(try await Inspection.of(outcome.path("360p.mp4")).video?.color_space == matrix)
        }
    }

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

private let audioHash = ["-map", "0:a", "-c", "copy", "-f", "md5", "-"]

/// Four coloured quarters: red, green, blue, white.
private func quarters(_ size: String) -> [String] {
    let boxes = [("lime", "iw/2", "0"), ("blue", "0", "ih/2"), ("white", "iw/2", "ih/2")]
        .map { "drawbox=c=\($0.0):x=\($0.1):y=\($0.2):w=iw/2:h=ih/2:t=fill" }
    let filter = "color=red:s=\(size):r=25:d=1,format=rgb24," + boxes.joined(separator: ",")
    return ["-f", "lavfi", "-i", filter]
}

/// When the first white picture and the first loud sample come, by decoding.
private func onsets(_ path: String) async throws -> (picture: Double, sound: Double) {
    let video = try await Tool.run(
        "ffmpeg",
        [
            "-loglevel", "info", "-copyts", "-i", path, "-vf",
            "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-",
        ]
            + ["-an", "-f", "null", "/dev/null"]
    )
    var (time, picture) = (0.0, -1.0)
    for line in String(decoding: video, as: UTF8.self).split(separator: "\n") {
        if let range = line.range(of: "pts_time:") { time = Double(line[range.upperBound...]) ?? 0 }
        if let range = line.range(of: "YAVG="), picture < 0, (Double(line[range.upperBound...]) ?? 0) > 128 {
            picture = time
        }
    }
    let audio = try await Tool.run(
        "ffmpeg",
        ["-loglevel", "info", "-copyts", "-i", path, "-vn"]
            + [
                "-af",
                "asetnsamples=480,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-",
            ]
            + ["-f", "null", "/dev/null"]
    )
    var sound = -1.0
    for line in String(decoding: audio, as: UTF8.self).split(separator: "\n") {
        if let range = line.range(of: "pts_time:") { time = Double(line[range.upperBound...]) ?? 0 }
        if let range = line.range(of: "RMS_level="), sound < 0, (Double(line[range.upperBound...]) ?? -100) > -20 {
            sound = time
        }
    }
    return (picture, sound)
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
