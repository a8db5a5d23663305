package import JobModel

extension Settings {
    /// Why a job's keys cannot be paths, though each of them is one: a part of one before a slash, which would be a
    /// directory, is the name of an object of another medium. So with the media id `v/result.json`, the index of the
    /// medium `v` would find a directory in its place. nil when there is no such key.
    ///
    /// It is looked at by the templates in effect, and is a matter of the media id alone: whether there is such another
    /// job is not asked, as it may come at any time.
    ///
    /// - Throws: `ObjectKeyError` for a media id that makes no keys.
    package func directoryProblem(of ticket: Ticket) throws(ObjectKeyError) -> String? {
        let qualities = video.videoLadder.map(\.quality) + images.imageVariants.map(\.quality) + ["original"]
        let known = Set(qualities).map { Array($0.utf8) }
        for directory in try directories(of: ticket, qualities) {
            for (name, template, extensions) in namedTemplates {
                let values = KeyValues(qualities: known, fileExtensions: extensions.map { Array($0.utf8) })
                guard let place = template.keyAbove(directory, values) else { continue }
                let shown = String(decoding: place, as: UTF8.self).clipped(toBytes: 300).shown
                return "a key of its outputs would make a directory of `\(shown)`, which is a key of another medium by "
                    + "\(name); use a media id that does not end, between slashes, as outputs do"
            }
        }
        return nil
    }

    private var namedTemplates: [(name: String, template: KeyTemplate, extensions: [String])] {
        var named = [
            ("VIDEO_KEY_TEMPLATE", outputKeys.videoKeyTemplate, ["mp4"]),
            ("THUMBNAIL_KEY_TEMPLATE", outputKeys.thumbnailKeyTemplate, ["jpg"]),
            ("IMAGE_KEY_TEMPLATE", outputKeys.imageKeyTemplate, ["jpg", "png", "webp"]),
        ]
        if let result = outputKeys.resultKeyTemplate { named.append(("RESULT_KEY", result, [])) }
        return named
    }

    /// The directories of the job's keys, each with the slash at its end: most keys have the same.
    private func directories(of ticket: Ticket, _ qualities: [String]) throws(ObjectKeyError) -> Set<[UInt8]> {
        var directories: Set<[UInt8]> = []
        func add(_ template: KeyTemplate?, _ quality: String, _ fileExtension: String) throws(ObjectKeyError) {
            let key = try template?.key(ticket: ticket, quality: quality, fileExtension: fileExtension)
            let bytes = key.map { Array($0.rawValue.utf8) } ?? []
            if let slash = bytes.lastIndex(of: UInt8(ascii: "/")) { directories.insert(Array(bytes[...slash])) }
        }
        try add(outputKeys.resultKeyTemplate, "", "")
        for quality in qualities {
            if ticket.kind == .video {
                try add(outputKeys.videoKeyTemplate, quality, "mp4")
                try add(outputKeys.thumbnailKeyTemplate, quality, "jpg")
            } else {
                try add(outputKeys.imageKeyTemplate, quality, "jpg")
            }
        }
        return directories
    }
}
