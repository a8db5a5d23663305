package import JobModel

/// An upload of an object in parts that is neither complete nor aborted. Its parts take space that no listing of
/// objects shows.
package struct OpenUpload: Sendable, Hashable {
    /// Below the store, as in updates.
    package var key: ByteText
    /// The store's own name of it.
    package var id: String
    /// Since it was begun, in seconds by the store's clock; nil when the store does not tell.
    package var ageSeconds: Int64?

    package init(key: ByteText, id: String, ageSeconds: Int64?) {
        self.key = key
        self.id = id
        self.ageSeconds = ageSeconds
    }
}

extension Store {
    package func openUploads() async throws -> [OpenUpload] { [] }

    package func abort(_ upload: OpenUpload) async throws {}
}
