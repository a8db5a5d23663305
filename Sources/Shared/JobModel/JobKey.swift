/// A job's identity: its kind and the id its producer chose.
public struct JobKey: Sendable, Hashable, Codable, CustomStringConvertible {
    public var kind: MediaKind
    public var id: String

    public init(kind: MediaKind, id: String) {
        self.kind = kind
        self.id = id
    }

    public var description: String { "\(kind.rawValue)/\(id)" }

    /// The longest id, in Unicode scalars.
    public static let maximumIDLength = 128

    /// Whether `id` is acceptable as a job id: 1 to 128 characters. Any character is: ids that are no plain file names get
    /// a directory named after their hash.
    public static func isValid(id: String) -> Bool {
        !id.isEmpty && id.unicodeScalars.count <= maximumIDLength
    }
}
