/// The facts about a source image, as found in the file itself and never as a producer claims.
package struct ImageMetadata: Codable, Sendable, Equatable {
    /// Width in pixels when the picture is shown upright, that is after ``orientation`` has been applied.
    package var width: Int
    /// Height in pixels when the picture is shown upright.
    package var height: Int
    package var fileSizeBytes: Int64
    /// For example `image/jpeg`.
    package var mimeType: String
    /// `jpeg`, `png`, `gif`, `webp`, `tiff`, `heif` (HEVC inside), `avif`, `jxl`, or the kind of a camera's raw file in
    /// lower case, such as `nef`.
    package var format: String
    /// libvips' name of the colour space of the pixels as stored: `srgb`, `b-w`, `cmyk`, `rgb16`, `grey16`, `lab`, …
    package var colorSpace: String
    /// Whether the file has an alpha channel.
    package var hasAlpha: Bool
    /// Whether at least one pixel is not fully opaque. Many programs save an alpha channel that says nothing, and such
    /// a picture need not be kept in a format with alpha.
    package var hasTransparency: Bool
    /// EXIF orientation, 1…8. HEIF and AVIF are always 1, as their own rotation is applied while decoding.
    package var orientation: Int
    /// Pages of a TIFF, or frames of an animation; only the first is converted.
    package var pageCount: Int
    /// Found without decoding.
    package var warnings: [ImageWarning]

    package init(
        width: Int,
        height: Int,
        fileSizeBytes: Int64,
        mimeType: String,
        format: String,
        colorSpace: String = "srgb",
        hasAlpha: Bool = false,
        hasTransparency: Bool = false,
        orientation: Int = 1,
        pageCount: Int = 1,
        warnings: [ImageWarning] = []
    ) {
        self.width = width
        self.height = height
        self.fileSizeBytes = fileSizeBytes
        self.mimeType = mimeType
        self.format = format
        self.colorSpace = colorSpace
        self.hasAlpha = hasAlpha
        self.hasTransparency = hasTransparency
        self.orientation = orientation
        self.pageCount = pageCount
        self.warnings = warnings
    }
}
