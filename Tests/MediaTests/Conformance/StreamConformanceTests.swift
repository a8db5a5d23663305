import Foundation
import Media
import Testing

/// Files with several streams, or with streams that cannot be used.
@Suite struct StreamConformanceTests {
    private func expectRefusal(
        _ path: String,
        _ code: MediaError.Code,
        _ words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: MediaError.self, sourceLocation: sourceLocation) { try await probe(path) }
        #expect(
            error?.code == code && error?.isRetriable == false,
            "\(String(describing: error))",
            sourceLocation: sourceLocation
        )
        for word in words {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
        }
    }

    private func clip(_ scratch: Scratch, _ sound: [String] = ["-c:a", "aac"], name: String = "clip.mp4") async throws
        -> String
    {
        try await scratch.make(name, pattern("160x96", seconds: 0.8, rate: "25") + tone(seconds: 0.8) + h264 + sound)
    }

    @Test("The stream that moves is the video, not a larger or default still", arguments: ["in.mkv", "in.mp4"])
    func movingStream(name: String) async throws {
        let scratch = try Scratch()
        let film = try await clip(scratch)
        let still = try await scratch.make("still.jpg", ["-f", "lavfi", "-i", "testsrc2=s=640x360", "-frames:v", "1"])
        let path = try await scratch.make(
            name,
            ["-i", still, "-i", film, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "default"]
                + ["-disposition:v:1", "0"]
        )
        let outcome = try await process(path, in: scratch)
        #expect(outcome.metadata.resolution == "160x96")
        #expect(outcome.result.decodedFrames == 20)
        #expect(outcome.metadata.tracks.filter(\.isUsed).map(\.codec) == ["h264", "aac"])
        #expect(outcome.metadata.tracks.first { $0.codec == "mjpeg" }?.note == "still picture")
    }

    @Test("Of two streams that move, the default one counts, then the larger")
    func twoFilms() async throws {
        let scratch = try Scratch()
        let small = try await scratch.make("small.mp4", pattern("96x64", seconds: 0.4) + h264)
        let large = try await scratch.make("large.mp4", pattern("160x96", seconds: 0.4) + h264)
        let both = ["-i", small, "-i", large, "-map", "0", "-map", "1", "-c", "copy"]
        let marked = try await scratch.make("a.mkv", both + ["-disposition:v:0", "default", "-disposition:v:1", "0"])
        #expect(try await probe(marked).resolution == "96x64")
        let unmarked = try await scratch.make("b.mkv", both + ["-disposition:v:0", "0", "-disposition:v:1", "0"])
        #expect(try await probe(unmarked).resolution == "160x96")
    }

    @Test("Sound with one still picture is no video", arguments: ["in.m4a", "in.mkv"])
    func soundWithStill(name: String) async throws {
        let scratch = try Scratch()
        let still = try await scratch.make("still.jpg", ["-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1"])
        let format = name.hasSuffix("m4a") ? ["-f", "mp4"] : []
        let path = try await scratch.make(
            name,
            tone(seconds: 1) + ["-i", still, "-map", "0", "-map", "1", "-c:a", "aac", "-c:v", "copy"] + format
        )
        await expectRefusal(path, .noVideoStream, ["still", "audio aac", "video mjpeg"])
    }

    @Test("A file of one picture and no sound is a video of one frame")
    func oneFrame() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make("in.mp4", pattern("160x96", seconds: 1) + ["-frames:v", "1"] + h264)
        let outcome = try await process(path, in: scratch)
        #expect(outcome.result.decodedFrames == 1)
        #expect(outcome.result.outputs.filter { $0.kind == .thumbnail }.count == 1)
        #expect(outcome.progress.last == 1)
    }

    @Test("A second track that nobody can decode does not cost the sound")
    func unknownSound() async throws {
        let scratch = try Scratch()
        let two = ["-map", "0", "-map", "1", "-map", "1", "-c:a", "aac"]
        let whole = try await clip(scratch, two, name: "whole.mov")
        let file = try PatchedMP4(whole)
        file.rename("soun", 0, to: "apac")
        for track in file.tracks("soun") { track["tkhd"].data[3] |= 1 }
        let outcome = try await process(try scratch.write(file.data, to: "in.mov"), in: scratch)
        #expect(try await Inspection.of(outcome.path("360p.mp4")).audio?.codecName == "aac")
        #expect(outcome.result.warnings.isEmpty)
        let unknown = try #require(outcome.metadata.tracks.first { $0.codec == "apac" })
        #expect(!unknown.isUsed && unknown.note == "no decoder")
        file.rename("soun", 1, to: "apac")
        let silent = try await process(try scratch.write(file.data, to: "silent.mov"), in: try Scratch())
        #expect(try await Inspection.of(silent.path("360p.mp4")).audio == nil)
        #expect(silent.result.warnings.map(\.code) == [.soundNotDecoded])
    }

    @Test("xHE-AAC leaves the renditions silent, and stays in the original")
    func extendedAAC() async throws {
        let scratch = try Scratch()
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: try await clip(scratch))))
        // DecoderSpecificInfo: audio object type 42, written as 31 and 42 - 32.
        let tag = try #require(Data(bytes).range(of: Data([5, 0x80, 0x80, 0x80]))?.lowerBound)
        let config: [UInt8] = [0xF9, 0x46, 0x40, 0, 0]
        for index in 0..<Int(bytes[tag + 4]) { bytes[tag + 5 + index] = index < config.count ? config[index] : 0 }
        let outcome = try await process(try scratch.write(Data(bytes), to: "in.mp4"), in: scratch)
        #expect(outcome.metadata.audio == nil)
        #expect(outcome.result.warnings.first?.code == .soundNotDecoded)
        #expect(outcome.result.warnings.first?.message.contains("xHE-AAC") == true)
        #expect(try await Inspection.of(outcome.path("360p.mp4")).audio == nil)
        let original = try Data(contentsOf: URL(fileURLWithPath: outcome.path("original.mp4")))
        #expect(original.range(of: Data("mp4a".utf8)) != nil)
    }

    @Test("A sound track that is declared and empty is left out")
    func emptySound() async throws {
        let scratch = try Scratch()
        let file = try PatchedMP4(try await clip(scratch))
        file.empty("soun")
        let outcome = try await process(try scratch.write(file.data, to: "in.mp4"), in: scratch)
        #expect(!outcome.metadata.hasAudio)
        for name in ["360p.mp4", "original.mp4"] {
            #expect(try await Inspection.of(outcome.path(name)).streams.map(\.codecType) == ["video"])
        }
    }

    @Test("Any number of channels is mixed to stereo", arguments: [3, 6, 8, 9, 10, 12, 16, 20])
    func channels(count: Int) async throws {
        let scratch = try Scratch()
        let mix = (0..<count).map { _ in "0.2*sin(2000*t)" }.joined(separator: "|")
        let sound = ["-f", "lavfi", "-i", "aevalsrc=\(mix):s=48000:d=0.4"]
        let path = try await scratch.make(
            "in.mov",
            pattern("160x96", seconds: 0.4) + sound + h264 + ["-c:a", "pcm_s16le"]
        )
        let outcome = try await process(path, in: scratch)
        #expect(outcome.result.warnings.isEmpty)
        let audio = try #require(try await Inspection.of(outcome.path("360p.mp4")).audio)
        #expect(audio.channels == 2)
        #expect(try await Measure.loudness(outcome.path("360p.mp4")) > -30)
    }

    @Test("Sound of one sample per second is left out, and costs no memory")
    func slowSound() async throws {
        let scratch = try Scratch()
        let film = try await clip(scratch, ["-c:a", "pcm_s16le"], name: "film.mkv")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: film)))
        // SamplingFrequency, as an 8-byte number.
        let place = try #require(Data(bytes).range(of: Data([0xB5, 0x88]))?.upperBound)
        bytes.replaceSubrange(place..<place + 8, with: [0x3F, 0xF0, 0, 0, 0, 0, 0, 0])
        let outcome = try await process(try scratch.write(Data(bytes), to: "in.mkv"), in: scratch)
        #expect(!outcome.metadata.hasAudio)
        #expect(outcome.result.warnings.map(\.code) == [.soundNotDecoded])
    }

    @Test("An encrypted file is refused as such")
    func encrypted() async throws {
        let scratch = try Scratch()
        let film = try await clip(scratch)
        let path = try await scratch.make(
            "in.mp4",
            ["-i", film, "-c", "copy", "-encryption_scheme", "cenc-aes-ctr"]
                + ["-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"]
                + ["-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"]
        )
        await expectRefusal(path, .encrypted, ["encrypted", "encv"])
    }

    @Test("A codec without a decoder is named")
    func unknownPicture() async throws {
        let scratch = try Scratch()
        let file = try PatchedMP4(try await clip(scratch))
        file.rename("vide", 0, to: "zzzz")
        await expectRefusal(try scratch.write(file.data, to: "in.mp4"), .unsupported, ["zzzz"])
    }
}
