/// Everything that will be made of one source: each file by name, with its size in pixels and its settings.
/// A pure value: planning needs no libav, and a plan can be carried to another process.
package struct MediaPlan: Codable, Sendable, Equatable {
    /// One H.264 + AAC file in MP4.
    package struct Rendition: Codable, Sendable, Equatable {
        package var quality: String
        package var fileName: String
        package var width: Int
        package var height: Int
        /// The cap of the video's bitrate, over a buffer of two seconds.
        package var bitrateBitsPerSecond: Int
    }

    /// The way of a stream into `original`.
    package enum StreamMode: String, Codable, Sendable {
        /// The packets are copied as they are.
        case copy
        /// Decoded and encoded again (H.264 or AAC).
        case transcode
        /// The source has no such stream.
        case none
    }

    /// The source as MP4.
    package struct Original: Codable, Sendable, Equatable {
        package var fileName: String
        package var video: StreamMode
        package var audio: StreamMode
        /// Why the streams are copied or not, for people.
        package var reason: String
        /// As shown: rotation applied, pixels made square. Even when transcoded.
        package var width: Int
        package var height: Int
        /// The cap of the video's bitrate when it is transcoded.
        package var bitrateBitsPerSecond: Int
    }

    /// One JPEG.
    package struct Thumbnail: Codable, Sendable, Equatable {
        /// 0, 1, 2…
        package var index: Int
        /// It shows the first frame at or after this time, counted from the start of the source.
        package var timeSeconds: Double
        package var fileName: String
        package var width: Int
        package var height: Int
    }

    /// Settings that all renditions share; see `VideoProfile`.
    package struct Encoding: Codable, Sendable, Equatable {
        package var crf: Int
        package var preset: String
        package var keyframeIntervalSeconds: Double
        package var audioBitrateBitsPerSecond: Int
        package var jpegQuality: Int
        package var toleratedDamage: Double
        package var maximumFramerate: Double
        package var deinterlaces: Bool
        package var skipsBlankThumbnail: Bool
    }

    package var source: VideoMetadata
    /// In the ladder's order. Never empty.
    package var renditions: [Rendition]
    package var original: Original?
    /// In order of time.
    package var thumbnails: [Thumbnail]
    package var encoding: Encoding

    /// Every file that may be written, in the order renditions, original, thumbnails.
    package var fileNames: [String] {
        renditions.map(\.fileName) + (original.map { [$0.fileName] } ?? []) + thumbnails.map(\.fileName)
    }

    /// The quality of the source itself among the outputs.
    package static let originalQuality = "original"

    static let bitrates = 10_000...200_000_000
}
