/// The outputs that are wanted and their encoding: configuration, the same for many sources.
package struct VideoProfile: Codable, Sendable, Equatable {
    /// One step of the ladder: a landscape box and a bitrate. A portrait source swaps the sides of the box, a square
    /// one uses the short side for both.
    package struct Rung: Codable, Sendable, Equatable {
        /// The name in file names and keys, `360p` for example.
        package var quality: String
        package var width: Int
        package var height: Int
        /// The cap of the video's bitrate, over a buffer of two seconds.
        package var bitrateBitsPerSecond: Int

        package init(quality: String, width: Int, height: Int, bitrateBitsPerSecond: Int) {
            self.quality = quality
            self.width = width
            self.height = height
            self.bitrateBitsPerSecond = bitrateBitsPerSecond
        }
    }

    /// Still pictures along the video.
    package struct Thumbnails: Codable, Sendable, Equatable {
        package var intervalSeconds: Double
        package var maxWidth: Int
        package var maxHeight: Int
        /// 1 (worst) to 100 (best).
        package var jpegQuality: Int
        /// Thumbnails after this many are left out.
        package var maxCount: Int
        /// Whether the first thumbnail shows the first picture that is not nearly one colour, rather than the first.
        package var skipsBlank: Bool

        package init(
            intervalSeconds: Double = 15,
            maxWidth: Int = 720,
            maxHeight: Int = 720,
            jpegQuality: Int = 85,
            maxCount: Int = 5_000,
            skipsBlank: Bool = true
        ) {
            self.intervalSeconds = intervalSeconds
            self.maxWidth = maxWidth
            self.maxHeight = maxHeight
            self.jpegQuality = jpegQuality
            self.maxCount = maxCount
            self.skipsBlank = skipsBlank
        }
    }

    package var ladder: [Rung]
    /// x264's constant rate factor, 0 to 51; the ladder's bitrate caps it.
    package var crf: Int
    /// x264's preset, `ultrafast` to `placebo`.
    package var preset: String
    package var keyframeIntervalSeconds: Double
    /// AAC; stereo or mono.
    package var audioBitrateBitsPerSecond: Int
    /// Whether the source is delivered too, as MP4.
    package var includeOriginal: Bool
    /// Nil for none.
    package var thumbnails: Thumbnails?
    /// The share of frames that may be lost to damage, 0 to 1, before the source counts as unusable.
    package var toleratedDamage: Double
    /// Pictures per second of outputs at most; of faster sources, pictures are left out.
    package var maximumFramerate: Double
    /// Whether interlaced pictures are made whole.
    package var deinterlaces: Bool

    package init(
        ladder: [Rung] = [
            Rung(quality: "360p", width: 640, height: 360, bitrateBitsPerSecond: 800_000),
            Rung(quality: "540p", width: 960, height: 540, bitrateBitsPerSecond: 1_500_000),
            Rung(quality: "720p", width: 1280, height: 720, bitrateBitsPerSecond: 2_500_000),
        ],
        crf: Int = 23,
        preset: String = "veryfast",
        keyframeIntervalSeconds: Double = 2,
        audioBitrateBitsPerSecond: Int = 128_000,
        includeOriginal: Bool = true,
        thumbnails: Thumbnails? = Thumbnails(),
        toleratedDamage: Double = 0.5,
        maximumFramerate: Double = 60,
        deinterlaces: Bool = true
    ) {
        self.ladder = ladder
        self.crf = crf
        self.preset = preset
        self.keyframeIntervalSeconds = keyframeIntervalSeconds
        self.audioBitrateBitsPerSecond = audioBitrateBitsPerSecond
        self.includeOriginal = includeOriginal
        self.thumbnails = thumbnails
        self.toleratedDamage = toleratedDamage
        self.maximumFramerate = maximumFramerate
        self.deinterlaces = deinterlaces
    }

    /// 360p, 540p and 720p, the original, and a thumbnail every 15 seconds.
    package static let `default` = VideoProfile()
}
