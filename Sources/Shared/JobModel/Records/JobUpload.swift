/// An upload of an object in parts that a job has begun, and that is neither complete nor aborted as far as the ledger
/// knows.
package struct JobUpload: Sendable, Hashable {
    /// The store, as it describes itself.
    package var store: ByteText
    /// Below the store, as in updates.
    package var key: ByteText
    /// The store's own name of the upload.
    package var id: ByteText

    package init(store: ByteText, key: ByteText, id: ByteText) {
        self.store = store
        self.key = key
        self.id = id
    }
}
