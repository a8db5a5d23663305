extension MediaPlan {
    /// Decides which outputs a source gets. Pure: the same input gives the same plan.
    ///
    /// A rung that would enlarge the source is left out; when none is left, the smallest rung is made at the size of
    /// the source, so that there is always one H.264 rendition.
    ///
    /// - Throws: `invalidPlan` for a profile out of range, `unsupported` for a source whose picture is too large.
    package init(source: VideoMetadata, profile: VideoProfile) throws(MediaError) {
        try profile.validate()
        guard PictureSize.sides.contains(source.width), PictureSize.sides.contains(source.height) else {
            throw MediaError(
                code: .unsupported,
                message: "the picture is \(source.resolution); sides of \(PictureSize.sides) pixels are supported",
                isRetriable: false
            )
        }
        let shown = PictureSize(width: source.width, height: source.height)
        self.source = source
        renditions = Self.renditions(of: shown, ladder: profile.ladder)
        original = profile.includeOriginal ? Original(source: source, ladder: profile.ladder) : nil
        thumbnails = profile.thumbnails.map { Self.thumbnails(of: shown, source.durationSeconds, $0) } ?? []
        encoding = Encoding(
            crf: profile.crf,
            preset: profile.preset,
            keyframeIntervalSeconds: profile.keyframeIntervalSeconds,
            audioBitrateBitsPerSecond: profile.audioBitrateBitsPerSecond,
            jpegQuality: profile.thumbnails?.jpegQuality ?? VideoProfile.Thumbnails().jpegQuality,
            toleratedDamage: profile.toleratedDamage,
            maximumFramerate: profile.maximumFramerate,
            deinterlaces: profile.deinterlaces,
            skipsBlankThumbnail: profile.thumbnails?.skipsBlank ?? true
        )
    }

    private static func renditions(of shown: PictureSize, ladder: [VideoProfile.Rung]) -> [Rendition] {
        let fitting = ladder.compactMap { rung -> Rendition? in
            let box = shown.orientedBox(PictureSize(width: rung.width, height: rung.height))
            return shown.fitted(in: box, step: 2).map { Rendition(rung: rung, size: $0) }
        }
        guard fitting.isEmpty, let smallest = ladder.min(by: { $0.width * $0.height < $1.width * $1.height }) else {
            return fitting
        }
        return [Rendition(rung: smallest, size: shown.even)]
    }

    private static func thumbnails(
        of shown: PictureSize,
        _ durationSeconds: Double,
        _ settings: VideoProfile.Thumbnails
    ) -> [Thumbnail] {
        let box = PictureSize(width: settings.maxWidth, height: settings.maxHeight)
        let size = shown.fitted(in: box, step: 1) ?? shown
        var thumbnails: [Thumbnail] = []
        while thumbnails.count < settings.maxCount {
            let time = Double(thumbnails.count) * settings.intervalSeconds
            guard time < durationSeconds || thumbnails.isEmpty else { break }
            thumbnails.append(
                Thumbnail(
                    index: thumbnails.count,
                    timeSeconds: time,
                    fileName: "thumbnail_\(thumbnails.count).jpg",
                    width: size.width,
                    height: size.height
                )
            )
        }
        return thumbnails
    }
}

extension MediaPlan.Rendition {
    fileprivate init(rung: VideoProfile.Rung, size: PictureSize) {
        self.init(
            quality: rung.quality,
            fileName: "\(rung.quality).mp4",
            width: size.width,
            height: size.height,
            bitrateBitsPerSecond: rung.bitrateBitsPerSecond
        )
    }
}

extension MediaPlan.Original {
    /// Video codecs that MP4 defines and that players take from it.
    private static let copiedVideo: Set<String> = ["h264", "hevc", "av1", "vp9", "mpeg4"]
    /// Audio codecs, likewise.
    static let copiedAudio: Set<String> = ["aac", "mp3", "ac3", "eac3", "alac", "opus", "flac"]
    /// Containers that store a presentation time for every picture. AVI, MPEG-PS and raw streams do not; a copy would
    /// have to invent them.
    private static let timedContainers: Set<String> = ["mov", "mp4", "matroska", "webm", "flv", "mpegts"]

    fileprivate init(source: VideoMetadata, ladder: [VideoProfile.Rung]) {
        let isTimed = source.container.split(separator: ",").contains { Self.timedContainers.contains(String($0)) }
        let copiesVideo = isTimed && source.hasUsableTimes && Self.copiedVideo.contains(source.codec)
        let audioCodec = source.audioCodec ?? source.undecodedAudio?.codec
        let copiesAudio = isTimed && audioCodec.map(Self.copiedAudio.contains) == true
        let size = PictureSize(width: source.width, height: source.height)
        self.init(
            fileName: "\(MediaPlan.originalQuality).mp4",
            video: copiesVideo ? .copy : .transcode,
            audio: copiesAudio ? .copy : source.hasAudio ? .transcode : .none,
            reason: Self.reason(source, isTimed, copiesVideo, copiesAudio),
            width: copiesVideo ? size.width : size.even.width,
            height: copiesVideo ? size.height : size.even.height,
            bitrateBitsPerSecond: Self.bitrate(of: size, ladder: ladder)
        )
    }

    private static func reason(_ source: VideoMetadata, _ isTimed: Bool, _ video: Bool, _ audio: Bool) -> String {
        guard isTimed else { return "\(source.container) keeps no presentation times: transcoded" }
        guard source.hasUsableTimes else { return "the times of the pictures cannot be true: transcoded" }
        let videoPart = "\(source.codec) \(video ? "fits MP4: copied" : "does not fit MP4: transcoded")"
        guard let codec = source.audioCodec ?? source.undecodedAudio?.codec else { return videoPart }
        return "\(videoPart); \(codec) \(audio ? "fits MP4: copied" : "does not fit MP4: transcoded")"
    }

    /// The top rung's bitrate, in proportion to the number of pixels.
    private static func bitrate(of size: PictureSize, ladder: [VideoProfile.Rung]) -> Int {
        guard let top = ladder.max(by: { $0.width * $0.height < $1.width * $1.height }) else { return 0 }
        let scaled = Double(top.bitrateBitsPerSecond) * Double(size.area) / Double(top.width * top.height)
        return max(top.bitrateBitsPerSecond, min(Int(scaled), MediaPlan.bitrates.upperBound))
    }
}
