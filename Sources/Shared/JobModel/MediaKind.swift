/// The medium of a job's source. Each kind has its own queues, workers and directory of temp files.
package enum MediaKind: String, Sendable, Hashable, CaseIterable, Codable, Comparable {
    case video
    case image

    /// The `mediaType` of a job message.
    package var mediaType: String {
        switch self {
        case .video: "VIDEO"
        case .image: "IMAGE"
        }
    }

    package init?(mediaType: ByteText) {
        guard let kind = Self.allCases.first(where: { ByteText($0.mediaType) == mediaType }) else { return nil }
        self = kind
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue > right.rawValue }
}
