/// Files in the ledger together.
public struct FileTotals: Sendable, Hashable {
    public var files: Int
    /// The bytes that they take on disk.
    public var sizeBytes: Int64

    public init(files: Int, sizeBytes: Int64) {
        self.files = files
        self.sizeBytes = sizeBytes
    }
}
