package import JobModel

/// An object in the list of a store.
package struct StoredObject: Sendable, Hashable {
    package var key: ObjectKey
    /// 0 for an open upload.
    package var sizeBytes: Int64
    /// It is no object yet: its upload was begun, and neither completed nor aborted.
    package var isOpenUpload: Bool

    package init(key: ObjectKey, sizeBytes: Int64, isOpenUpload: Bool = false) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.isOpenUpload = isOpenUpload
    }
}
