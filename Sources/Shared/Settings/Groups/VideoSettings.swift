/// The outputs that are made of a video.
package struct VideoSettings: SettingsGroup {
    package static let section = "Media"

    package let videoLadder: [Settings.VideoRung]
    package let videoPreset: String
    package let videoCRF: Int64
    package let audioKilobitsPerSecond: Int64
    package let keepsOriginal: Bool
    package let highestFramerate: Double
    package let deinterlaces: Bool
    package let codecThreads: Int64
    package let thumbnailIntervalSeconds: Double
    package let thumbnailSide: Int64
    package let skipsBlankThumbnail: Bool

    /// x264's, without the slowest, `placebo`. The media engine has a list of its own, which a module without libav
    /// cannot read; a test compares the two.
    package static let presets = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
    ]

    package init(_ read: SettingsReader) {
        videoLadder = read(
            SettingKey(
                "VIDEO_LADDER",
                Settings.VideoRung.ladderFormat,
                default: [
                    Settings.VideoRung(quality: "360p", width: 640, height: 360, bitrateBitsPerSecond: 800_000),
                    Settings.VideoRung(quality: "540p", width: 960, height: 540, bitrateBitsPerSecond: 1_500_000),
                    Settings.VideoRung(quality: "720p", width: 1280, height: 720, bitrateBitsPerSecond: 2_500_000),
                ],
                isReloadable: true,
                "The renditions: the box of a landscape source, and the highest bitrate in kbit/s. Never upscaled."
            )
        )
        videoPreset = read(
            SettingKey(
                "VIDEO_PRESET",
                .word(of: Self.presets),
                default: "veryfast",
                isReloadable: true,
                "x264's preset: slower ones make smaller files."
            )
        )
        videoCRF = read(
            SettingKey(
                "VIDEO_CRF",
                .integer(1...51),
                default: 23,
                isReloadable: true,
                "x264's constant rate factor, below the ladder's bitrate; lower is better and larger."
            )
        )
        audioKilobitsPerSecond = read(
            SettingKey(
                "AUDIO_KBITS",
                .integer(32...512),
                unit: "kbit/s",
                default: 128,
                isReloadable: true,
                "AAC bitrate of every rendition."
            )
        )
        keepsOriginal = read(
            SettingKey(
                "VIDEO_ORIGINAL",
                .flag,
                default: true,
                isReloadable: true,
                "Whether the source itself is published as the MP4 of quality `original`."
            )
        )
        highestFramerate = read(
            SettingKey(
                "VIDEO_MAX_FRAMERATE",
                .number(1...240),
                unit: "Hz",
                default: 60,
                isReloadable: true,
                "Highest frame rate of renditions; of faster sources, every second, third… picture is kept."
            )
        )
        deinterlaces = read(
            SettingKey(
                "VIDEO_DEINTERLACE",
                .flag,
                default: true,
                isReloadable: true,
                "Whether interlaced pictures are made whole. Progressive ones are never changed."
            )
        )
        codecThreads = read(
            SettingKey(
                "CODEC_THREADS",
                .integer(0...64),
                default: 0,
                isReloadable: true,
                "Threads of each decoder and encoder; 0 lets the media engine choose."
            )
        )
        thumbnailIntervalSeconds = read(
            SettingKey(
                "THUMBNAIL_INTERVAL_SECONDS",
                .number(0.1...86_400),
                unit: "seconds",
                default: 15,
                isReloadable: true,
                "Time between two thumbnails of a video. There is at least one."
            )
        )
        thumbnailSide = read(
            SettingKey(
                "THUMBNAIL_SIZE",
                .integer(16...8192),
                unit: "pixels",
                default: 720,
                isReloadable: true,
                "Side of the square that thumbnails fit in."
            )
        )
        skipsBlankThumbnail = read(
            SettingKey(
                "THUMBNAIL_SKIP_BLANK",
                .flag,
                default: true,
                isReloadable: true,
                "Whether the first thumbnail shows the first picture that is not nearly one colour, not just the first."
            )
        )
    }
}
