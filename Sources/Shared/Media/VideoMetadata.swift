/// The facts that a probe finds in a video file. Plain values, fit for a message.
package struct VideoMetadata: Codable, Sendable, Equatable {
    /// A ratio of two whole numbers, for example the shape of a pixel (width : height).
    package struct Ratio: Codable, Sendable, Equatable {
        package var numerator: Int
        package var denominator: Int

        package init(_ numerator: Int, _ denominator: Int) {
            self.numerator = numerator
            self.denominator = denominator
        }
    }

    /// The sound that goes with the picture.
    package struct Audio: Codable, Sendable, Equatable {
        /// libav's short name, `aac` for example.
        package var codec: String
        package var channels: Int
        package var sampleRateHertz: Int

        package init(codec: String, channels: Int, sampleRateHertz: Int) {
            self.codec = codec
            self.channels = channels
            self.sampleRateHertz = sampleRateHertz
        }
    }

    /// One stream of the file, used or not.
    package struct Track: Codable, Sendable, Equatable {
        /// From 0, in the order of the file.
        package var index: Int
        /// `video`, `audio`, `subtitle`, `data`, `attachment` or `unknown`.
        package var kind: String
        /// libav's short name, or the file's own code where libav does not know the codec: `apac`.
        package var codec: String
        /// As the file says, `eng` for example; nil when it does not.
        package var language: String?
        /// Whether the file marks the track as the one to play.
        package var isDefault: Bool
        /// Whether renditions are made of it.
        package var isUsed: Bool
        /// Why it is not used, where that is not plain: `no decoder`, `empty`, `still picture`.
        package var note: String?

        package init(
            index: Int,
            kind: String,
            codec: String,
            language: String? = nil,
            isDefault: Bool = false,
            isUsed: Bool = false,
            note: String? = nil
        ) {
            self.index = index
            self.kind = kind
            self.codec = codec
            self.language = language
            self.isDefault = isDefault
            self.isUsed = isUsed
            self.note = note
        }
    }

    /// The colours of the stored picture, by libav's names; nil where the file does not say.
    package struct Color: Codable, Sendable, Equatable {
        /// `bt709`, `smpte2084` (PQ) or `arib-std-b67` (HLG) for example.
        package var transfer: String?
        package var primaries: String?
        package var matrix: String?
        /// `tv` or `pc`.
        package var range: String?
        /// The profile of a Dolby Vision record; nil without one.
        package var dolbyVisionProfile: Int?

        package init(
            transfer: String? = nil,
            primaries: String? = nil,
            matrix: String? = nil,
            range: String? = nil,
            dolbyVisionProfile: Int? = nil
        ) {
            self.transfer = transfer
            self.primaries = primaries
            self.matrix = matrix
            self.range = range
            self.dolbyVisionProfile = dolbyVisionProfile
        }
    }

    /// From the container, or counted by a scan of the packets where the container does not say.
    package var durationSeconds: Double
    /// libav's short name of the video codec, `h264` for example.
    package var codec: String
    /// The bitrate of the whole file.
    package var bitrateBitsPerSecond: Int64
    /// Average frames per second; 0 when unknown.
    package var framerate: Double
    /// Width as shown: rotation applied, pixels made square.
    package var width: Int
    /// Height as shown: rotation applied, pixels made square.
    package var height: Int
    package var fileSizeBytes: Int64
    package var mimeType: String
    /// libav's name of the container, `mov,mp4,m4a,3gp,3g2,mj2` for example.
    package var container: String
    /// Width of the stored picture, before rotation.
    package var codedWidth: Int
    /// Height of the stored picture, before rotation.
    package var codedHeight: Int
    /// How far the stored picture has to be turned clockwise to be upright: 0, 90, 180 or 270.
    package var rotationDegrees: Int
    /// True when the stored picture is also mirrored.
    package var isMirrored: Bool
    /// The shape of a stored pixel; 1:1 when unknown.
    package var sampleAspectRatio: Ratio
    /// libav's name, `yuv420p` for example.
    package var pixelFormat: String
    /// libav's name of the codec's profile, `High` for example; nil when it has none.
    package var profile: String?
    package var color: Color
    /// The sound that will be used; nil when there is none that can be decoded.
    package var audio: Audio?
    /// Sound that cannot be decoded here and may still be copied into `original`.
    package var undecodedAudio: Audio?
    /// Every stream of the file, at most 64.
    package var tracks: [Track]
    /// False when the pictures' times cannot be true, and an even rate takes their place.
    package var hasUsableTimes: Bool
    /// True when pictures may be transparent.
    package var hasAlpha: Bool
    package var warnings: [MediaWarning]

    package var hasAudio: Bool { audio != nil }
    package var audioCodec: String? { audio?.codec }
    /// `WIDTHxHEIGHT`, as shown.
    package var resolution: String { "\(width)x\(height)" }

    package init(
        durationSeconds: Double,
        codec: String,
        bitrateBitsPerSecond: Int64,
        framerate: Double,
        width: Int,
        height: Int,
        fileSizeBytes: Int64,
        mimeType: String,
        container: String,
        codedWidth: Int? = nil,
        codedHeight: Int? = nil,
        rotationDegrees: Int = 0,
        isMirrored: Bool = false,
        sampleAspectRatio: Ratio = Ratio(1, 1),
        pixelFormat: String = "yuv420p",
        profile: String? = nil,
        color: Color = Color(),
        audio: Audio? = nil,
        undecodedAudio: Audio? = nil,
        tracks: [Track] = [],
        hasUsableTimes: Bool = true,
        hasAlpha: Bool = false,
        warnings: [MediaWarning] = []
    ) {
        self.durationSeconds = durationSeconds
        self.codec = codec
        self.bitrateBitsPerSecond = bitrateBitsPerSecond
        self.framerate = framerate
        self.width = width
        self.height = height
        self.fileSizeBytes = fileSizeBytes
        self.mimeType = mimeType
        self.container = container
        self.codedWidth = codedWidth ?? width
        self.codedHeight = codedHeight ?? height
        self.rotationDegrees = rotationDegrees
        self.isMirrored = isMirrored
        self.sampleAspectRatio = sampleAspectRatio
        self.pixelFormat = pixelFormat
        self.profile = profile
        self.color = color
        self.audio = audio
        self.undecodedAudio = undecodedAudio
        self.tracks = tracks
        self.hasUsableTimes = hasUsableTimes
        self.hasAlpha = hasAlpha
        self.warnings = warnings
    }
}
