/// An output that is in the object store, whole and durable.
package struct PublishedFile: Sendable, Hashable {
    /// The key of the object.
    package var key: String
    /// Where it is, as a URL.
    package var location: String
    package var sizeBytes: Int64
    /// As ``JobObject/validator``. Not read back.
    package var validator: [UInt8]?

    package init(key: String, location: String, sizeBytes: Int64, validator: [UInt8]? = nil) {
        self.validator = validator
        self.key = key
        self.location = location
        self.sizeBytes = sizeBytes
    }
}
