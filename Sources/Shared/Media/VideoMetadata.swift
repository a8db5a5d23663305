/// The facts that a probe finds in a video file. Plain values, fit for a message.
public struct VideoMetadata: Codable, Sendable, Equatable {
    /// A ratio of two whole numbers, for example the shape of a pixel (width : height).
    public struct Ratio: Codable, Sendable, Equatable {
        public var numerator: Int
        public var denominator: Int

        public init(_ numerator: Int, _ denominator: Int) {
            self.numerator = numerator
            self.denominator = denominator
        }
    }

    /// The sound that goes with the picture.
    public struct Audio: Codable, Sendable, Equatable {
        /// libav's short name, `aac` for example.
        public var codec: String
        public var channels: Int
        public var sampleRateHertz: Int

        public init(codec: String, channels: Int, sampleRateHertz: Int) {
            self.codec = codec
            self.channels = channels
            self.sampleRateHertz = sampleRateHertz
        }
    }

    /// From the container, or counted by a scan of the packets where the container does not say.
    public var durationSeconds: Double
    /// libav's short name of the video codec, `h264` for example.
    public var codec: String
    /// The bitrate of the whole file.
    public var bitrateBitsPerSecond: Int64
    /// Average frames per second; 0 when unknown.
    public var framerate: Double
    /// Width as shown: rotation applied, pixels made square.
    public var width: Int
    /// Height as shown: rotation applied, pixels made square.
    public var height: Int
    public var fileSizeBytes: Int64
    public var mimeType: String
    /// libav's name of the container, `mov,mp4,m4a,3gp,3g2,mj2` for example.
    public var container: String
    /// Width of the stored picture, before rotation.
    public var codedWidth: Int
    /// Height of the stored picture, before rotation.
    public var codedHeight: Int
    /// How far the stored picture has to be turned clockwise to be upright: 0, 90, 180 or 270.
    public var rotationDegrees: Int
    /// True when the stored picture is also mirrored.
    public var isMirrored: Bool
    /// The shape of a stored pixel; 1:1 when unknown.
    public var sampleAspectRatio: Ratio
    /// libav's name, `yuv420p` for example.
    public var pixelFormat: String
    /// The sound that will be used; nil when there is none that can be decoded.
    public var audio: Audio?

    public var hasAudio: Bool { audio != nil }
    public var audioCodec: String? { audio?.codec }
    /// `WIDTHxHEIGHT`, as shown.
    public var resolution: String { "\(width)x\(height)" }

    public init(
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
        audio: Audio? = nil
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
        self.audio = audio
    }
}
