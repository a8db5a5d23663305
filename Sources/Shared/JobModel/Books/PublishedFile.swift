/// An output that is in the object store, whole and durable.
public struct PublishedFile: Sendable, Hashable {
    /// The key of the object.
    public var key: String
    /// Where it is, as a URL.
    public var location: String
    public var sizeBytes: Int64

    public init(key: String, location: String, sizeBytes: Int64) {
        self.key = key
        self.location = location
        self.sizeBytes = sizeBytes
    }
}
