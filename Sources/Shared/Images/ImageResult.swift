/// The files that ``ImageEngine/run(_:input:outputPath:willWrite:progress:isCancelled:)`` wrote.
public struct ImageResult: Codable, Sendable, Equatable {
    public struct Output: Codable, Sendable, Equatable {
        public var quality: String
        public var fileName: String
        /// The path that the caller's closure gave.
        public var path: String
        /// Pixels.
        public var width: Int
        /// Pixels.
        public var height: Int
        public var sizeBytes: Int64
        public var mimeType: String
    }

    /// In the plan's order.
    public var outputs: [Output]
}
