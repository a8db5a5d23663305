/// The limits of the claims in an input's header, checked before any of its pixels are decoded.
///
/// A file of a few bytes can claim dimensions whose pixels fill any memory ("decompression bomb").
package struct ImageLimits: Codable, Sendable, Equatable {
    /// Most pixels, width × height, of one picture. 268,435,456 (2²⁸) by default.
    package var maxPixels: Int64
    /// Longest side in pixels. 65,500 by default, the most that JPEG can hold.
    package var maxSide: Int

    package init(maxPixels: Int64 = 1 << 28, maxSide: Int = 65_500) {
        self.maxPixels = maxPixels
        self.maxSide = maxSide
    }

    package static let `default` = ImageLimits()

    /// - Throws: ``ImageError/Code/limitExceeded``, naming the claimed size and the limit that it breaks.
    func check(width: Int, height: Int) throws(ImageError) {
        guard width > 0, height > 0 else {
            throw ImageError(.decodeFailed, "the image claims to be \(width)×\(height) pixels, which is empty")
        }
        guard width <= maxSide, height <= maxSide else {
            throw ImageError(
                .limitExceeded,
                "the image is \(width)×\(height) pixels, and the longest side allowed is \(maxSide) pixels"
            )
        }
        let (pixels, overflow) = Int64(width).multipliedReportingOverflow(by: Int64(height))
        guard !overflow, pixels <= maxPixels else {
            throw ImageError(
                .limitExceeded,
                "the image is \(width)×\(height) pixels, and the most allowed is \(maxPixels) pixels in all "
                    + "(IMAGE_MAX_MEGAPIXELS)"
            )
        }
    }
}
