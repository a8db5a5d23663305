/// The files that ``ImageEngine/run(_:input:outputPath:willWrite:progress:isCancelled:)`` wrote.
package struct ImageResult: Codable, Sendable, Equatable {
    package struct Output: Codable, Sendable, Equatable {
        package var quality: String
        package var fileName: String
        /// The path that the caller's closure gave.
        package var path: String
        /// Pixels.
        package var width: Int
        /// Pixels.
        package var height: Int
        package var sizeBytes: Int64
        package var mimeType: String
    }

    /// In the plan's order.
    package var outputs: [Output]
    /// Those of the metadata, and those that came up while the picture was decoded.
    package var warnings: [ImageWarning] = []
}
