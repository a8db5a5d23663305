/// The files that a run of the engine has written.
package struct VideoResult: Codable, Sendable, Equatable {
    /// The kinds of output.
    package enum Kind: String, Codable, Sendable {
        case rendition
        case original
        case thumbnail
    }

    /// One finished file.
    package struct Output: Codable, Sendable, Equatable {
        package var kind: Kind
        package var fileName: String
        /// The rung's name, or `original`; nil for thumbnails.
        package var quality: String?
        /// As shown. A copied original keeps its rotation tag, and is counted upright here.
        package var width: Int
        package var height: Int
        package var sizeBytes: Int64
        /// libav's short name of the video codec, `mjpeg` for thumbnails.
        package var codec: String
        package var mimeType: String
        /// The duration of the video; nil for thumbnails.
        package var durationSeconds: Double?
        /// 0, 1, 2… for thumbnails.
        package var index: Int?
        /// The presentation time of the frame that a thumbnail shows.
        package var timestampSeconds: Double?
        /// libav's name of the codec's profile; nil for thumbnails.
        package var profile: String?
        /// libav's name, `yuv420p` for example; nil for thumbnails.
        package var pixelFormat: String?
        /// libav's name of the transfer function, `smpte2084` for example; nil for thumbnails or when none is given.
        package var transfer: String?
    }

    package var metadata: VideoMetadata
    /// In the plan's order. A plan may list more thumbnails than there were frames.
    package var outputs: [Output]
    package var decodedFrames: Int
    /// Packets and frames of the picture that could not be read or decoded.
    package var decodeErrors: Int
    /// The same for the sound.
    package var audioDecodeErrors: Int
    /// Frames that were decoded with visible damage.
    package var damagedFrames: Int
    /// Frames left out because their presentation time did not advance.
    package var droppedFrames: Int
    /// True when the source ended before its index said.
    package var isTruncated: Bool
    /// Troubles that are no failure, those of the probe among them.
    package var warnings: [MediaWarning]
}
