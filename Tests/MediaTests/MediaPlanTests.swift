import Foundation
import Media
import Testing

func source(
    _ width: Int,
    _ height: Int,
    seconds: Double = 20,
    codec: String = "h264",
    audio: String? = "aac",
    container: String = "mov,mp4,m4a,3gp,3g2,mj2"
) -> VideoMetadata {
    VideoMetadata(
        durationSeconds: seconds,
        codec: codec,
        bitrateBitsPerSecond: 5_000_000,
        framerate: 30,
        width: width,
        height: height,
        fileSizeBytes: 12_500_000,
        mimeType: "video/mp4",
        container: container,
        audio: audio.map { VideoMetadata.Audio(codec: $0, channels: 2, sampleRateHertz: 48_000) }
    )
}

@Suite struct MediaPlanTests {
    @Test(
        "Renditions keep the aspect, have even sides, and are never enlarged",
        arguments: [
            (1920, 1080, ["360p 640x360", "540p 960x540", "720p 1280x720"]),
            (1080, 1920, ["360p 360x640", "540p 540x960", "720p 720x1280"]),
            (3840, 2160, ["360p 640x360", "540p 960x540", "720p 1280x720"]),
            (1280, 720, ["360p 640x360", "540p 960x540", "720p 1280x720"]),
            (1278, 720, ["360p 640x360", "540p 958x540", "720p 1278x720"]),
            (854, 480, ["360p 640x360"]),
            (853, 480, ["360p 640x360"]),
            (640, 360, ["360p 640x360"]),
            (1080, 1080, ["360p 360x360", "540p 540x540", "720p 720x720"]),
            (1440, 1080, ["360p 480x360", "540p 720x540", "720p 960x720"]),
            (2560, 1080, ["360p 640x270", "540p 960x406", "720p 1280x540"]),
            (1024, 576, ["360p 640x360", "540p 960x540"]),
            (641, 361, ["360p 640x360"]),
            (320, 240, ["360p 320x240"]),
            (321, 241, ["360p 320x240"]),
            (240, 320, ["360p 240x320"]),
            (1, 1, ["360p 2x2"]),
            (16_384, 16, ["360p 640x2", "540p 960x2", "720p 1280x2"]),
        ]
    )
    func sizes(width: Int, height: Int, expected: [String]) throws {
        let plan = try MediaPlan(source: source(width, height), profile: .default)
        #expect(plan.renditions.map { "\($0.quality) \($0.width)x\($0.height)" } == expected)
        #expect(plan.renditions.map(\.fileName) == plan.renditions.map { "\($0.quality).mp4" })
    }

    @Test("Renditions are capped at the ladder's bitrates")
    func bitrates() throws {
        let plan = try MediaPlan(source: source(1920, 1080), profile: .default)
        #expect(plan.renditions.map(\.bitrateBitsPerSecond) == [800_000, 1_500_000, 2_500_000])
    }

    @Test(
        "There is a thumbnail every 15 seconds, and always one",
        arguments: [(0, [0]), (0.04, [0]), (15, [0]), (15.1, [0, 15]), (20, [0, 15]), (45.5, [0, 15, 30, 45])]
            as [(Double, [Double])]
    )
    func thumbnailTimes(seconds: Double, expected: [Double]) throws {
        let plan = try MediaPlan(source: source(1920, 1080, seconds: seconds), profile: .default)
        #expect(plan.thumbnails.map(\.timeSeconds) == expected)
        #expect(plan.thumbnails.map(\.fileName) == expected.indices.map { "thumbnail_\($0).jpg" })
    }

    @Test(
        "Thumbnails fit into their box and are not enlarged",
        arguments: [(1920, 1080, 720, 405), (1080, 1920, 405, 720), (320, 241, 320, 241), (4000, 4000, 720, 720)]
    )
    func thumbnailSizes(width: Int, height: Int, thumbWidth: Int, thumbHeight: Int) throws {
        let plan = try MediaPlan(source: source(width, height), profile: .default)
        #expect(plan.thumbnails.allSatisfy { $0.width == thumbWidth && $0.height == thumbHeight })
    }

    @Test("An absurd duration does not make an absurd plan", arguments: [1e18, Double.infinity, Double.nan, -5])
    func absurdDuration(seconds: Double) throws {
        let plan = try MediaPlan(source: source(640, 360, seconds: seconds), profile: .default)
        #expect((1...5_000).contains(plan.thumbnails.count))
    }

    @Test(
        "The original is copied where its codecs fit MP4",
        arguments: [
            ("h264", "aac", "mov,mp4,m4a,3gp,3g2,mj2", .copy, .copy),
            ("hevc", "ac3", "mpegts", .copy, .copy),
            ("vp9", "opus", "matroska,webm", .copy, .copy),
            ("vp8", "vorbis", "matroska,webm", .transcode, .transcode),
            ("h264", "pcm_s16le", "mov,mp4,m4a,3gp,3g2,mj2", .copy, .transcode),
            ("h264", nil, "mov,mp4,m4a,3gp,3g2,mj2", .copy, .none),
            ("mpeg2video", "mp3", "mpegts", .transcode, .copy),
            ("h264", "mp3", "avi", .transcode, .transcode),
            ("h264", nil, "h264", .transcode, .none),
        ] as [(String, String?, String, MediaPlan.StreamMode, MediaPlan.StreamMode)]
    )
    func original(
        codec: String,
        audio: String?,
        container: String,
        videoMode: MediaPlan.StreamMode,
        audioMode: MediaPlan.StreamMode
    ) throws {
        let metadata = source(1920, 1080, codec: codec, audio: audio, container: container)
        let original = try #require(try MediaPlan(source: metadata, profile: .default).original)
        #expect(original.video == videoMode)
        #expect(original.audio == audioMode)
        #expect(!original.reason.isEmpty)
    }

    @Test("A transcoded original may use bits in proportion to its pixels")
    func originalBitrate() throws {
        let plan = try MediaPlan(source: source(1920, 1080, codec: "vp8"), profile: .default)
        #expect(plan.original?.bitrateBitsPerSecond == 5_625_000)
    }

    @Test("Every file is named once")
    func fileNames() throws {
        let plan = try MediaPlan(source: source(1920, 1080), profile: .default)
        #expect(
            plan.fileNames == [
                "360p.mp4", "540p.mp4", "720p.mp4", "original.mp4", "thumbnail_0.jpg", "thumbnail_1.jpg",
            ]
        )
    }

    @Test("Parts can be switched off")
    func lessIsPossible() throws {
        let profile = VideoProfile(includeOriginal: false, thumbnails: nil)
        let plan = try MediaPlan(source: source(640, 360), profile: profile)
        #expect(plan.fileNames == ["360p.mp4"])
    }

    @Test("A plan survives JSON")
    func codable() throws {
        let plan = try MediaPlan(source: source(1920, 1080), profile: .default)
        #expect(try JSONDecoder().decode(MediaPlan.self, from: JSONEncoder().encode(plan)) == plan)
    }

    @Test("All faults of a profile are named together")
    func invalidProfile() throws {
        let rung = VideoProfile.Rung(quality: "../x", width: 0, height: 360, bitrateBitsPerSecond: -1)
        let profile = VideoProfile(ladder: [rung], crf: 52, preset: "warp", keyframeIntervalSeconds: .nan)
        let error = #expect(throws: MediaError.self) {
            try MediaPlan(source: source(640, 360), profile: profile)
        }
        #expect(error?.code == .invalidPlan)
        #expect(error?.isRetriable == false)
        for word in ["../x", "sides", "bitrate", "crf", "warp", "keyframe"] {
            #expect(error?.message.contains(word) == true)
        }
    }

    @Test("A picture that is too large is refused", arguments: [(0, 360), (640, -1), (16_385, 360), (.max, .max)])
    func hugeSource(width: Int, height: Int) {
        let error = #expect(throws: MediaError.self) {
            try MediaPlan(source: source(width, height), profile: .default)
        }
        #expect(error?.code == .unsupported)
    }
}
