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
    /// The sound that will be used; nil when there is none that can be decoded.
    package var audio: Audio?

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
