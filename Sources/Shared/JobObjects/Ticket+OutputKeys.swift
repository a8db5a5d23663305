package import JobModel
package import Settings

extension Ticket {
    /// The outputs that are in the store, as the message says, under the very keys that the templates give them in this
    /// job. A message may name any key, and this tells a job's own from those of somebody else's objects.
    package func publishedOutputs(under templates: OutputKeySettings) -> [JobOutput] {
        let published = outputs.filter { $0.location != nil }
        let thumbnails = thumbnailKeys(templates, count: published.count { $0.kind == .thumbnail })
        return published.filter { output in
            switch output.kind {
            case .thumbnail: thumbnails.contains(output.key)
            case .imageScaled: has(output, templates.imageKeyTemplate, ["jpg", "png", "webp"])
            default: has(output, templates.videoKeyTemplate, ["mp4"])
            }
        }
    }

    private func has(_ output: JobOutput, _ template: KeyTemplate, _ extensions: [String]) -> Bool {
        extensions.contains { fileExtension in
            let key = try? template.key(ticket: self, quality: output.quality ?? "", fileExtension: fileExtension)
            return key.map { ByteText($0.rawValue) } == output.key
        }
    }

    private func thumbnailKeys(_ templates: OutputKeySettings, count: Int) -> Set<ByteText> {
        Set(
            (0..<count).compactMap { index in
                let key = try? templates.thumbnailKeyTemplate.key(ticket: self, index: index, fileExtension: "jpg")
                return key.map { ByteText($0.rawValue) }
            }
        )
    }
}
