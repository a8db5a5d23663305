extension MediaPlan {
    /// Checks a plan that may come from elsewhere before libav sees its numbers.
    func validate() throws(MediaError) {
        var problems: [String] = []
        if renditions.isEmpty { problems.append("no rendition") }
        for rendition in renditions where !Self.isEncodable(rendition.width, rendition.height) {
            problems.append("\(rendition.quality) is \(rendition.width)x\(rendition.height)")
        }
        for rendition in renditions where !Self.bitrates.contains(rendition.bitrateBitsPerSecond) {
            problems.append("\(rendition.quality) has \(rendition.bitrateBitsPerSecond) bit/s")
        }
        if let original, original.video == .none { problems.append("the original has no video") }
        if let original, original.video == .transcode {
            if !Self.isEncodable(original.width, original.height) {
                problems.append("the original is \(original.width)x\(original.height)")
            }
            if !Self.bitrates.contains(original.bitrateBitsPerSecond) {
                problems.append("the original has \(original.bitrateBitsPerSecond) bit/s")
            }
        }
        for thumbnail in thumbnails
        where !PictureSize.sides.contains(thumbnail.width) || !PictureSize.sides.contains(thumbnail.height) {
            problems.append("thumbnail \(thumbnail.index) is \(thumbnail.width)x\(thumbnail.height)")
        }
        for name in fileNames where name.isEmpty || name.utf8.contains(UInt8(ascii: "/")) || name.utf8.contains(0) {
            problems.append("\"\(name)\" is no file name")
        }
        if Set(fileNames).count != fileNames.count { problems.append("two outputs have the same file name") }
        if !VideoProfile.presets.contains(encoding.preset) { problems.append("unknown preset \(encoding.preset)") }
        if !(0...51).contains(encoding.crf) { problems.append("crf \(encoding.crf)") }
        if !(0.1...60).contains(encoding.keyframeIntervalSeconds) {
            problems.append("keyframe interval \(encoding.keyframeIntervalSeconds) s")
        }
        if !(8_000...512_000).contains(encoding.audioBitrateBitsPerSecond) {
            problems.append("audio bitrate \(encoding.audioBitrateBitsPerSecond) bit/s")
        }
        if !VideoProfile.framerates.contains(encoding.maximumFramerate) {
            problems.append("frame rate \(encoding.maximumFramerate) Hz")
        }
        if !(0...1).contains(encoding.toleratedDamage) {
            problems.append("tolerated damage \(encoding.toleratedDamage)")
        }
        if !(1...100).contains(encoding.jpegQuality) { problems.append("JPEG quality \(encoding.jpegQuality)") }
        guard problems.isEmpty else {
            throw .invalidPlan("the plan cannot be carried out: \(problems.joined(separator: "; "))")
        }
    }

    private static func isEncodable(_ width: Int, _ height: Int) -> Bool {
        PictureSize.sides.contains(width) && PictureSize.sides.contains(height)
            && width.isMultiple(of: 2) && height.isMultiple(of: 2)
    }
}

extension MediaError {
    static func invalidPlan(_ message: String) -> MediaError {
        MediaError(code: .invalidPlan, message: message, isRetriable: false)
    }
}
