/// The keys of outputs in the object store.
package struct OutputKeySettings: SettingsGroup {
    package static let section = "Media"

    package let videoKeyTemplate: KeyTemplate
    package let thumbnailKeyTemplate: KeyTemplate
    package let imageKeyTemplate: KeyTemplate

    package init(_ read: SettingsReader) {
        videoKeyTemplate = read(
            SettingKey(
                "VIDEO_KEY_TEMPLATE",
                KeyTemplate.format,
                default: KeyTemplate("videos/", .mediaID, "_", .quality, ".mp4"),
                isReloadable: true,
                "Key of a rendition. Placeholders: "
                    + KeyTemplate.placeholders.map { "`{\($0)}`" }.joined(separator: ", ") + "."
            )
        )
        thumbnailKeyTemplate = read(
            SettingKey(
                "THUMBNAIL_KEY_TEMPLATE",
                KeyTemplate.format,
                default: KeyTemplate("thumbnails/", .mediaID, "_", .index, ".jpg"),
                isReloadable: true,
                "Key of a video's thumbnail; `{index}` counts from 0."
            )
        )
        imageKeyTemplate = read(
            SettingKey(
                "IMAGE_KEY_TEMPLATE",
                KeyTemplate.format,
                default: KeyTemplate("images/", .mediaID, "_", .quality, ".", .fileExtension),
                isReloadable: true,
                "Key of an image variant."
            )
        )
    }
}
