/// The medium of a job's source. Each kind has its own queues, workers and directory of temp files.
public enum MediaKind: String, Sendable, Hashable, CaseIterable, Codable, Comparable {
    case video
    case image

    /// The `mediaType` of a job message.
    public var mediaType: String {
        switch self {
        case .video: "VIDEO"
        case .image: "IMAGE"
        }
    }

    public init?(mediaType: ByteText) {
        guard let kind = Self.allCases.first(where: { ByteText($0.mediaType) == mediaType }) else { return nil }
        self = kind
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue > right.rawValue }
}
