/// A job's identity: its kind and the id that its producer chose. Ids are opaque bytes: the same id in composed and in
/// decomposed letters names two jobs.
package struct JobKey: Sendable, Hashable, Codable, CustomStringConvertible {
    package var kind: MediaKind
    package var id: ByteText

    package init(kind: MediaKind, id: ByteText) {
        self.kind = kind
        self.id = id
    }

    package var description: String { "\(kind.rawValue)/\(id)" }

    /// The longest id, in Unicode scalars: at most 512 bytes.
    package static let maximumIDLength = 128

    /// Whether `id` is acceptable as a job id: 1 to 128 characters, of any kind. An id that is no plain file name gets
    /// a directory that is named after its hash.
    package static func isValid(id: ByteText) -> Bool {
        !id.isEmpty && id.count <= 4 * maximumIDLength && id.string.unicodeScalars.count <= maximumIDLength
    }
}
