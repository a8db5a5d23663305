/// Files on the books together.
public struct FileTotals: Sendable, Hashable {
    public var files: Int
    /// What they take on disk.
    public var sizeBytes: Int64

    public init(files: Int, sizeBytes: Int64) {
        self.files = files
        self.sizeBytes = sizeBytes
    }
}
