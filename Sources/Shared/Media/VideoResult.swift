/// The files that a run of the engine has written.
public struct VideoResult: Codable, Sendable, Equatable {
    /// The kinds of output.
    public enum Kind: String, Codable, Sendable {
        case rendition
        case original
        case thumbnail
    }

    /// One finished file.
    public struct Output: Codable, Sendable, Equatable {
        public var kind: Kind
        public var fileName: String
        /// The rung's name, or `original`; nil for thumbnails.
        public var quality: String?
        /// As shown. A copied original keeps its rotation tag, and is counted upright here.
        public var width: Int
        public var height: Int
        public var sizeBytes: Int64
        /// libav's short name of the video codec, `mjpeg` for thumbnails.
        public var codec: String
        public var mimeType: String
        /// The duration of the video; nil for thumbnails.
        public var durationSeconds: Double?
        /// 0, 1, 2… for thumbnails.
        public var index: Int?
        /// The presentation time of the frame that a thumbnail shows.
        public var timestampSeconds: Double?
    }

    public var metadata: VideoMetadata
    /// In the plan's order. A plan may list more thumbnails than there were frames.
    public var outputs: [Output]
    public var decodedFrames: Int
    /// Packets and frames of the picture that could not be read or decoded.
    public var decodeErrors: Int
    /// The same for the sound.
    public var audioDecodeErrors: Int
    /// Frames that were decoded with visible damage.
    public var damagedFrames: Int
    /// Frames left out because their presentation time did not advance.
    public var droppedFrames: Int
    /// True when the source ended before its index said.
    public var isTruncated: Bool
}
