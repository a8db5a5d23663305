import Foundation
import Media
import Testing

@Suite struct BadInputTests {
    private func clip(_ scratch: Scratch, _ extra: [String] = []) async throws -> String {
        try await scratch.make(
            "clip.mp4",
            ["-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=2", "-f", "lavfi", "-i", "sine=440:d=2"]
                + ["-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "aac"] + extra
        )
    }

    private func expectRefusal(
        _ path: String,
        _ code: MediaError.Code,
        _ words: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: MediaError.self, sourceLocation: sourceLocation) {
            try await probe(path)
        }
        #expect(error?.code == code, "\(String(describing: error))", sourceLocation: sourceLocation)
        #expect(error?.isRetriable == false, sourceLocation: sourceLocation)
        for word in words {
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")", sourceLocation: sourceLocation)
        }
    }

    @Test("An empty file")
    func empty() async throws {
        let scratch = try Scratch()
        await expectRefusal(try scratch.write(Data(), to: "in.mp4"), .unreadable, ["empty", "provide it again"])
    }

    @Test("Text with a video's name")
    func text() async throws {
        let scratch = try Scratch()
        let text = Data(String(repeating: "This is no video. ", count: 200).utf8)
        await expectRefusal(
            try scratch.write(text, to: "in.mp4"),
            .unreadable,
            ["Invalid data", "provide a video file"]
        )
    }

    @Test("A missing file and a directory")
    func missing() async throws {
        let scratch = try Scratch()
        await expectRefusal(scratch.file("none.mp4"), .readFailed, ["No such file"])
        await expectRefusal(scratch.path, .readFailed, ["not a regular file"])
    }

    @Test("An MP4 that was cut off before its index")
    func noIndex() async throws {
        let scratch = try Scratch()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: await clip(scratch)))
        let path = try scratch.write(bytes.prefix(bytes.count / 2), to: "in.mp4")
        await expectRefusal(path, .unreadable, ["moov atom not found", "incomplete"])
    }

    @Test("Sound only, and a cover image")
    func soundOnly() async throws {
        let scratch = try Scratch()
        let sound = try await scratch.make("in.m4a", ["-f", "lavfi", "-i", "sine=440:d=1", "-c:a", "aac"])
        await expectRefusal(sound, .noVideoStream, ["no video stream", "audio aac"])
        let cover = try await scratch.make("cover.jpg", ["-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1"])
        let covered = try await scratch.make(
            "in.mp3",
            ["-f", "lavfi", "-i", "sine=440:d=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy"]
        )
        await expectRefusal(covered, .noVideoStream, ["no video stream", "mp3"])
        await expectRefusal(cover, .noVideoStream, ["still image"])
    }

    @Test(
        "What refers to other files is not opened",
        arguments: [
            ("list.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nclip.mp4\n#EXT-X-ENDLIST\n"),
            ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
            ("list.ffconcat", "ffconcat version 1.0\nfile clip.mp4\n"),
            ("list.mpd", "<?xml version=\"1.0\"?>\n<MPD profiles=\"urn:mpeg:dash:profile:isoff-live:2011\"></MPD>\n"),
            ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"),
        ]
    )
    func references(name: String, content: String) async throws {
        let scratch = try Scratch()
        _ = try await clip(scratch)
        let path = try scratch.write(Data(content.utf8), to: name)
        await expectRefusal(path, .containerNotAllowed, ["not accepted"])
    }

    @Test("A file that ends in the middle is used as far as it goes, and that is reported")
    func truncated() async throws {
        let scratch = try Scratch()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: await clip(scratch, ["-movflags", "+faststart"])))
        let most = try scratch.write(bytes.prefix(bytes.count * 8 / 10), to: "most.mp4")
        let outcome = try await process(most, in: scratch)
        #expect(outcome.result.isTruncated)
        #expect(outcome.result.decodedFrames < 50)
        let little = try scratch.write(bytes.prefix(bytes.count * 3 / 10), to: "little.mp4")
        let error = await #expect(throws: MediaError.self) { try await process(little, in: Scratch()) }
        #expect(error?.code == .damaged)
        #expect(error?.isRetriable == false)
    }

    @Test("A damaged middle is tolerated and counted")
    func damagedMiddle() async throws {
        let scratch = try Scratch()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: await clip(scratch, ["-movflags", "+faststart"])))
        for index in bytes.count * 6 / 10..<bytes.count * 7 / 10 {
            bytes[index] = UInt8(truncatingIfNeeded: index &* 31)
        }
        let outcome = try await process(try scratch.write(bytes, to: "in.mp4"), in: scratch)
        #expect(outcome.result.decodeErrors + outcome.result.damagedFrames > 0)
    }

    @Test("Nothing but damage is an error")
    func allDamaged() async throws {
        let scratch = try Scratch()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: await clip(scratch, ["-movflags", "+faststart"])))
        let mdat = try #require(bytes.range(of: Data("mdat".utf8)))
        for index in mdat.upperBound..<bytes.count { bytes[index] = 0xFF }
        let path = try scratch.write(bytes, to: "in.mp4")
        let error = await #expect(throws: MediaError.self) { try await process(path, in: scratch) }
        #expect(error?.isRetriable == false)
    }

    @Test("Random damage anywhere never ends the process", arguments: 0..<4)
    func mutations(series: Int) async throws {
        let scratch = try Scratch()
        let clip = try await scratch.make(
            series.isMultiple(of: 2) ? "in.mp4" : "in.mkv",
            ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=1", "-f", "lavfi", "-i", "sine=440:d=1"]
                + [
                    "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags",
                    "+faststart",
                ]
        )
        let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: clip)))
        try await onThread {
            var random = SeededGenerator(seed: UInt64(series))
            for _ in 0..<80 {
                var bytes = original
                // Headers decide most, so half of the mutations go there.
                let reach = Bool.random(using: &random) ? bytes.count : min(2_000, bytes.count)
                for _ in 0..<Int.random(in: 1...12, using: &random) {
                    bytes[Int.random(in: 0..<reach, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                }
                let path = try scratch.write(Data(bytes), to: "mutated")
                do {
                    // A mutation may make hours of silence; this test is not about time.
                    let budget = Counter()
                    _ = try processBlocking(path, in: scratch) { budget.next() > 3_000 }
                } catch let error as MediaError {
                    #expect(!error.message.isEmpty)
                }
                for name in try FileManager.default.contentsOfDirectory(atPath: scratch.file("out")) {
                    try FileManager.default.removeItem(atPath: scratch.output(name))
                }
            }
        }
    }
}

/// SplitMix64: the same damage in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
