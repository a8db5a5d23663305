/// Everything that will be made of one source: each file by name, with its size in pixels and its settings.
/// A pure value: planning needs no libav, and a plan can be carried to another process.
public struct MediaPlan: Codable, Sendable, Equatable {
    /// One H.264 + AAC file in MP4.
    public struct Rendition: Codable, Sendable, Equatable {
        public var quality: String
        public var fileName: String
        public var width: Int
        public var height: Int
        /// The cap of the video's bitrate, over a buffer of two seconds.
        public var bitrateBitsPerSecond: Int
    }

    /// The way of a stream into `original`.
    public enum StreamMode: String, Codable, Sendable {
        /// The packets are copied as they are.
        case copy
        /// Decoded and encoded again (H.264 or AAC).
        case transcode
        /// The source has no such stream.
        case none
    }

    /// The source as MP4.
    public struct Original: Codable, Sendable, Equatable {
        public var fileName: String
        public var video: StreamMode
        public var audio: StreamMode
        /// Why the streams are copied or not, for people.
        public var reason: String
        /// As shown: rotation applied, pixels made square. Even when transcoded.
        public var width: Int
        public var height: Int
        /// The cap of the video's bitrate when it is transcoded.
        public var bitrateBitsPerSecond: Int
    }

    /// One JPEG.
    public struct Thumbnail: Codable, Sendable, Equatable {
        /// 0, 1, 2…
        public var index: Int
        /// It shows the first frame at or after this time, counted from the start of the source.
        public var timeSeconds: Double
        public var fileName: String
        public var width: Int
        public var height: Int
    }

    /// Settings that all renditions share; see `VideoProfile`.
    public struct Encoding: Codable, Sendable, Equatable {
        public var crf: Int
        public var preset: String
        public var keyframeIntervalSeconds: Double
        public var audioBitrateBitsPerSecond: Int
        public var jpegQuality: Int
        public var toleratedDamage: Double
    }

    public var source: VideoMetadata
    /// In the ladder's order. Never empty.
    public var renditions: [Rendition]
    public var original: Original?
    /// In order of time.
    public var thumbnails: [Thumbnail]
    public var encoding: Encoding

    /// Every file that may be written, in the order renditions, original, thumbnails.
    public var fileNames: [String] {
        renditions.map(\.fileName) + (original.map { [$0.fileName] } ?? []) + thumbnails.map(\.fileName)
    }

    /// The quality of the source itself among the outputs.
    public static let originalQuality = "original"

    static let bitrates = 10_000...200_000_000
}
