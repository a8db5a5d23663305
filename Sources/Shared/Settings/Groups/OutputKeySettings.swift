internal import JobModel

/// The keys of outputs in the object store.
package struct OutputKeySettings: SettingsGroup {
    package static let section = "Media"

    package let videoKeyTemplate: KeyTemplate
    package let thumbnailKeyTemplate: KeyTemplate
    package let imageKeyTemplate: KeyTemplate
    /// nil: no result index is written.
    package let resultKeyTemplate: KeyTemplate?

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
        resultKeyTemplate = read(
            SettingKey(
                "RESULT_KEY",
                KeyTemplate.perJobOrOff,
                default: KeyTemplate(.mediaID, "/result.json"),
                isReloadable: true,
                "Key of the result index, a JSON document that lists a job's outputs and is written after all of them. "
                    + "Of the placeholders, `{quality}`, `{index}` and `{ext}` have no meaning here. `off`: none is "
                    + "written, and then nothing tells a complete result from the beginning of one."
            )
        )
        let others = [videoKeyTemplate, thumbnailKeyTemplate, imageKeyTemplate].map { ByteText($0.description) }
        if let own = resultKeyTemplate, others.contains(ByteText(own.description)) {
            read.refuse("RESULT_KEY", "outputs have the same keys; give the result index one of its own")
        }
    }
}
