import Foundation
import Media
import Testing

@Suite struct VideoFormatTests {
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
            #expect(try await Inspection.of(outcome.path("original.mp4")).video?.codecTagString == "hvc1")
        }
        if test.name == "surround.mkv" {
            let audio = try await Inspection.of(outcome.path("360p.mp4")).audio
            #expect(audio?.channels == 2)
            #expect(audio?.sampleRate == "48000")
        }
    }
}
