/// Files in the ledger together.
package struct FileTotals: Sendable, Hashable {
    package var files: Int
    /// The bytes that they take on disk.
    package var sizeBytes: Int64

    package init(files: Int, sizeBytes: Int64) {
        self.files = files
        self.sizeBytes = sizeBytes
    }
}
