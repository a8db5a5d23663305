/// The pictures that are taken, and the outputs that are made of them. docs/pictures.md tells of every policy.
package struct ImageSettings: SettingsGroup {
    package static let section = "Media"

    package let imageVariants: [Settings.ImageVariant]
    package let imageJPEGQuality: Int64
    package let imageAlphaFormat: Settings.AlphaFormat
    package let imageExtraFormats: [Settings.ExtraImageFormat]
    package let imageWebPQuality: Int64
    package let imageAVIFQuality: Int64
    package let imageBackground: Settings.Colour
    package let imageAnimation: Settings.ImageAnimation
    package let imageAnimationMaximumFrames: Int64
    package let imageFormats: [Settings.ImageFormat]
    package let imageRawPreviewPercent: Int64
    package let imageTruncated: Settings.TruncatedPolicy
    package let imageTruncatedMinimumPercent: Int64
    package let imageMaximumMegapixels: Int64
    package let imageMaximumMemoryMebibytes: Int64

    package init(_ read: SettingsReader) {
        imageVariants = read(
            SettingKey(
                "IMAGE_VARIANTS",
                Settings.ImageVariant.variantsFormat,
                default: [
                    Settings.ImageVariant(quality: "180p", side: 180),
                    Settings.ImageVariant(quality: "360p", side: 360),
                    Settings.ImageVariant(quality: "720p", side: 720),
                    Settings.ImageVariant(quality: "1080p", side: 1080),
                ],
                isReloadable: true,
                "The variants of an image and the side in pixels of the square that each fits in. Never enlarged."
            )
        )
        imageJPEGQuality = read(Self.quality("IMAGE_JPEG_QUALITY", default: 82, "JPEG quality of image variants."))
        imageAlphaFormat = read(
            SettingKey(
                "IMAGE_ALPHA_FORMAT",
                .word,
                default: .png,
                isReloadable: true,
                "Format of the variants of an image with transparency; all others are JPEG."
            )
        )
        imageExtraFormats = read(
            SettingKey(
                "IMAGE_EXTRA_FORMATS",
                .words(),
                default: [],
                isReloadable: true,
                "Formats that every variant is made in as well. `IMAGE_KEY_TEMPLATE` has to have `{ext}` then."
            )
        )
        imageWebPQuality = read(Self.quality("IMAGE_WEBP_QUALITY", default: 82, "WebP quality of image variants."))
        imageAVIFQuality = read(Self.quality("IMAGE_AVIF_QUALITY", default: 60, "AVIF quality of image variants."))
        imageBackground = read(
            SettingKey(
                "IMAGE_BACKGROUND",
                Settings.Colour.format,
                default: .white,
                isReloadable: true,
                "The colour that a transparent image is laid over where an output has no transparency."
            )
        )
        imageAnimation = read(
            SettingKey(
                "IMAGE_ANIMATION",
                .word,
                default: .first,
                isReloadable: true,
                "Variants of an animated GIF or WebP: its first frame, or an animation in this format."
            )
        )
        imageAnimationMaximumFrames = read(
            SettingKey(
                "IMAGE_ANIMATION_MAX_FRAMES",
                .integer(2...10_000),
                unit: "frames",
                default: 300,
                isReloadable: true,
                "An animation with more frames is shown by its first, with a warning."
            )
        )
        imageFormats = read(
            SettingKey(
                "IMAGE_FORMATS",
                .words(),
                default: Settings.ImageFormat.usual,
                isReloadable: true,
                "The formats that are accepted, by their first bytes. `heif` is HEIC and AVIF, `raw` a camera's raw "
                    + "file by the JPEG in it. `jp2`, `svg` and `pnm` may be added; their libraries see few files of "
                    + "strangers."
            )
        )
        imageRawPreviewPercent = read(
            SettingKey(
                "IMAGE_RAW_PREVIEW_PERCENT",
                .integer(1...100),
                unit: "%",
                default: 90,
                isReloadable: true,
                "A camera's raw file is shown by the largest JPEG in it, if that has this part of the longer side of "
                    + "the picture; else it is refused."
            )
        )
        imageTruncated = read(
            SettingKey(
                "IMAGE_TRUNCATED",
                .word,
                default: .refuse,
                isReloadable: true,
                "An image that breaks off: `refuse` it, or `accept` it with a warning, if enough of it is there."
            )
        )
        imageTruncatedMinimumPercent = read(
            SettingKey(
                "IMAGE_TRUNCATED_MIN_PERCENT",
                .integer(1...100),
                unit: "%",
                default: 90,
                isReloadable: true,
                "Rows of an accepted image that breaks off which can be decoded, at least."
            )
        )
        imageMaximumMegapixels = read(
            SettingKey(
                "IMAGE_MAX_MEGAPIXELS",
                .integer(1...10_000),
                unit: "megapixels",
                default: 268,
                isReloadable: true,
                "An image with more pixels fails its job before it is decoded."
            )
        )
        imageMaximumMemoryMebibytes = read(
            SettingKey(
                "IMAGE_MAX_MEMORY_MB",
                .integer(64...1_048_576),
                unit: "MiB",
                default: 1_024,
                isReloadable: true,
                "An image that would take more memory, by its header, fails its job before it is decoded."
            )
        )
    }

    private static func quality(_ name: String, default value: Int64, _ text: String) -> SettingKey<Int64> {
        SettingKey(name, .integer(1...100), default: value, isReloadable: true, text)
    }
}
