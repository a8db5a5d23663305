/// The limits of the claims in an input's header, checked before any of its pixels are decoded, and of the memory that
/// decoding takes, checked while it goes on too.
///
/// A file of a few bytes can claim dimensions whose pixels fill any memory ("decompression bomb").
package struct ImageLimits: Codable, Sendable, Equatable {
    /// Most pixels, width × height, of one picture. 268,435,456 (2²⁸) by default.
    package var maxPixels: Int64
    /// Longest side in pixels. 65,500 by default, the most that JPEG can hold.
    package var maxSide: Int
    /// Most bytes that one image may take in memory, by ``MemoryEstimate``. 1 GiB by default.
    package var maxMemoryBytes: Int64
    /// Most frames of an animation that stays one; 300 by default.
    package var maxFrames: Int

    package init(
        maxPixels: Int64 = 1 << 28,
        maxSide: Int = 65_500,
        maxMemoryBytes: Int64 = 1 << 30,
        maxFrames: Int = 300
    ) {
        self.maxPixels = maxPixels
        self.maxSide = maxSide
        self.maxMemoryBytes = maxMemoryBytes
        self.maxFrames = maxFrames
    }

    package static let `default` = ImageLimits()

    /// The most that a pixel takes: red, green, blue and alpha of 16 bits. Files of many bands are limited by it.
    private static let bytesPerPixel: Int64 = 8

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

    /// - Throws: ``ImageError/Code/limitExceeded`` for more bytes of samples than a picture with the most pixels has,
    ///   or for more memory than allowed; it names the estimate, the limit and the setting.
    func check(_ estimate: MemoryEstimate) throws(ImageError) {
        let (most, overflow) = maxPixels.multipliedReportingOverflow(by: Self.bytesPerPixel)
        guard estimate.sampleBytes <= (overflow ? .max : most) else {
            throw ImageError(
                .limitExceeded,
                "the image has \(Self.megabytes(estimate.sampleBytes)) MB of samples (\(estimate.shape)), and the most "
                    + "allowed is \(Self.bytesPerPixel) bytes for each of IMAGE_MAX_MEGAPIXELS, "
                    + "\(Self.megabytes(most)) MB"
            )
        }
        guard estimate.bytes <= maxMemoryBytes else {
            throw ImageError(
                .limitExceeded,
                "the image would take about \(Self.megabytes(estimate.bytes)) MB of memory (\(estimate.shape); "
                    + "\(estimate.cause)), and the most allowed is \(Self.megabytes(maxMemoryBytes)) MB "
                    + "(IMAGE_MAX_MEMORY_MB)"
            )
        }
    }

    /// The error of an image that takes more memory than was estimated.
    func outgrown(_ bytes: Int64) -> ImageError {
        ImageError(
            .limitExceeded,
            "the image took \(Self.megabytes(bytes)) MB of memory while it was worked on, and the most allowed is "
                + "\(Self.megabytes(maxMemoryBytes)) MB (IMAGE_MAX_MEMORY_MB)"
        )
    }

    private static func megabytes(_ bytes: Int64) -> Int64 { bytes / 1_048_576 + (bytes % 1_048_576 == 0 ? 0 : 1) }
}
