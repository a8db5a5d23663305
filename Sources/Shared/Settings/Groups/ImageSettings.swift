/// The outputs that are made of an image.
package struct ImageSettings: SettingsGroup {
    package static let section = "Media"

    package let imageVariants: [Settings.ImageVariant]
    package let imageJPEGQuality: Int64
    package let imageAlphaFormat: Settings.AlphaFormat
    package let imageMaximumMegapixels: Int64

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
        imageJPEGQuality = read(
            SettingKey(
                "IMAGE_JPEG_QUALITY",
                .integer(1...100),
                default: 82,
                isReloadable: true,
                "JPEG quality of image variants."
            )
        )
        imageAlphaFormat = read(
            SettingKey(
                "IMAGE_ALPHA_FORMAT",
                .word,
                default: .png,
                isReloadable: true,
                "Format of the variants of an image with transparency; all others are JPEG."
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
    }
}

extension Settings {
    package enum AlphaFormat: String, Sendable, CaseIterable {
        case png
        case webp
    }
}
