internal import Text

extension VideoProfile {
    static let presets: Set<String> = [
        "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
    ]

    static let framerates = 1.0...240.0

    /// Throws `invalidPlan` with every value that is out of range.
    package func validate() throws(MediaError) {
        let problems = problems()
        guard problems.isEmpty else {
            throw .invalidPlan("the video profile is invalid: \(problems.joined(separator: "; "))")
        }
    }

    private func problems() -> [String] {
        var problems: [String] = []
        if ladder.isEmpty { problems.append("the ladder has no rung") }
        for rung in ladder {
            if !FileName.isPlain(rung.quality) || rung.quality == MediaPlan.originalQuality {
                problems.append("quality \"\(rung.quality)\" must be letters, digits, - or _, and not \"original\"")
            }
            if !PictureSize.sides.contains(rung.width) || !PictureSize.sides.contains(rung.height) {
                problems.append("rung \(rung.quality): sides must be \(PictureSize.sides)")
            }
            if !MediaPlan.bitrates.contains(rung.bitrateBitsPerSecond) {
                problems.append("rung \(rung.quality): bitrate must be \(MediaPlan.bitrates) bit/s")
            }
        }
        if Set(ladder.map(\.quality)).count != ladder.count { problems.append("two rungs have the same quality") }
        if !(0...51).contains(crf) { problems.append("crf must be 0...51") }
        if !Self.presets.contains(preset) {
            problems.append("preset \"\(preset)\" is none of \(Self.presets.sorted().joined(separator: ", "))")
        }
        if !(0.1...60).contains(keyframeIntervalSeconds) { problems.append("keyframe interval must be 0.1...60 s") }
        if !(8_000...512_000).contains(audioBitrateBitsPerSecond) {
            problems.append("audio bitrate must be 8000...512000 bit/s")
        }
        if !Self.framerates.contains(maximumFramerate) {
            problems.append("the highest frame rate must be \(Self.framerates) Hz")
        }
        if !(0...1).contains(toleratedDamage) { problems.append("tolerated damage must be 0...1") }
        if let thumbnails { problems += thumbnails.problems() }
        return problems
    }
}

extension VideoProfile.Thumbnails {
    fileprivate func problems() -> [String] {
        var problems: [String] = []
        if !(0.1...86_400).contains(intervalSeconds) { problems.append("thumbnail interval must be 0.1...86400 s") }
        if !PictureSize.sides.contains(maxWidth) || !PictureSize.sides.contains(maxHeight) {
            problems.append("thumbnail sides must be \(PictureSize.sides)")
        }
        if !(1...100).contains(jpegQuality) { problems.append("JPEG quality must be 1...100") }
        if !(1...100_000).contains(maxCount) { problems.append("thumbnail count must be 1...100000") }
        return problems
    }
}

enum FileName {
    /// Letters, digits, `-` and `_` only: such a name cannot leave its directory.
    static func isPlain(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.allSatisfy(\.isPlainInNames)
    }
}
