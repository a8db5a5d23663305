/// A job's identity: its kind and the id its producer chose. Ids are opaque bytes: one in composed and one in decomposed letters
/// are two jobs.
public struct JobKey: Sendable, Hashable, Codable, CustomStringConvertible {
    public var kind: MediaKind
    public var id: ByteText

    public init(kind: MediaKind, id: ByteText) {
        self.kind = kind
        self.id = id
    }

    public var description: String { "\(kind.rawValue)/\(id)" }

    /// The longest id, in Unicode scalars: at most 512 bytes.
    public static let maximumIDLength = 128

    /// Whether `id` is acceptable as a job id: 1 to 128 characters. Any character is: ids that are no plain file names get
    /// a directory named after their hash.
    public static func isValid(id: ByteText) -> Bool {
        !id.isEmpty && id.count <= 4 * maximumIDLength && id.string.unicodeScalars.count <= maximumIDLength
    }
}
