import CFFmpeg

extension MediaInput {
    /// The sound of a file.
    struct Sound {
        var used: Stream?
        /// What cannot be decoded, but may be copied.
        var undecoded: Stream?
        /// By stream: why it is not used.
        var obstacles: [Int: String] = [:]
    }

    /// How many packets of which stream have to be seen before the streams can be chosen.
    static func wanted(of context: UnsafeMutablePointer<AVFormatContext>) -> [Int: Int] {
        let films = context.allStreams.filter { $0.kind == AVMEDIA_TYPE_VIDEO && !$0.isCover && $0.hasDecoder }
        let hasSound = context.allStreams.contains { $0.kind == AVMEDIA_TYPE_AUDIO }
        var wanted: [Int: Int] = [:]
        for film in films {
            let isCounted = film.statedPackets > 0 && film.hasCompleteIndex
            let enough = films.count > 1 || hasSound ? 2 : 1
            // The first packet tells whether the content is encrypted.
            wanted[film.index] = isCounted ? 1 : max(enough, StreamLook.enoughPackets)
        }
        return wanted
    }

    /// - Throws: `noVideoStream`, `unsupported`, `encrypted`, `dolbyVision`.
    static func film(
        _ context: UnsafeMutablePointer<AVFormatContext>,
        _ look: StreamLook,
        _ container: String
    ) throws(MediaError) -> Stream {
        let streams = context.allStreams
        let pictures = streams.filter { $0.kind == AVMEDIA_TYPE_VIDEO && !$0.isCover }
        guard !pictures.isEmpty else { throw .noVideoStream(streams, nil) }
        if pictures.contains(where: { $0.isEncrypted || look.encrypted.contains($0.index) }) {
            throw .encrypted(MediaError.list(streams))
        }
        let candidates = pictures.filter(\.hasDecoder).map { stream in
            StreamChoice.Candidate(
                index: stream.index,
                packets: max(stream.hasCompleteIndex ? stream.statedPackets : 0, look.counts[stream.index, default: 0]),
                seconds: stream.statedPackets > 0 ? stream.statedSeconds : nil,
                isDefault: stream.isDefault,
                area: stream.area
            )
        }
        guard let best = StreamChoice.film(of: candidates), let film = pictures.first(where: { $0.index == best.index })
        else { throw .noDecoder(pictures) }
        let sound = streams.first { $0.kind == AVMEDIA_TYPE_AUDIO }
        let isStill = best.packets == 1 && (film.statedPackets == 1 && film.hasCompleteIndex || look.reachedEnd)
        if isStill, let sound, (sound.statedSeconds ?? 1) > 0.5 {
            throw .noVideoStream(streams, "the only picture is a still one")
        }
        try DolbyVision(film)?.refuseUnlessCompatible()
        return film
    }

    static func sound(_ context: UnsafeMutablePointer<AVFormatContext>, with film: Stream) -> Sound {
        var sound = Sound()
        for stream in StreamChoice.sound(in: context, with: film.index) {
            guard sound.used == nil else { break }
            guard let obstacle = StreamChoice.obstacle(to: stream, film: film) else {
                sound.used = stream
                sound.undecoded = nil
                break
            }
            sound.obstacles[stream.index] = obstacle
            let isCopied = MediaPlan.Original.copiedAudio.contains(stream.codecName)
            if obstacle != "empty", isCopied, sound.undecoded == nil { sound.undecoded = stream }
        }
        return sound
    }

    static func tracks(
        _ context: UnsafeMutablePointer<AVFormatContext>,
        film: Stream,
        sound: Sound,
        look: StreamLook
    ) -> [VideoMetadata.Track] {
        var tracks: [VideoMetadata.Track] = []
        for stream in context.allStreams.prefix(64) {
            var note = sound.obstacles[stream.index]
            if stream.kind == AVMEDIA_TYPE_VIDEO, stream.index != film.index {
                let packets = max(stream.statedPackets, look.counts[stream.index, default: 0])
                note =
                    stream.isCover ? "cover" : stream.hasDecoder ? packets <= 1 ? "still picture" : nil : "no decoder"
            }
            tracks.append(
                VideoMetadata.Track(
                    index: stream.index,
                    kind: stream.kindName,
                    codec: stream.codecName,
                    language: stream.language,
                    isDefault: stream.isDefault,
                    isUsed: stream.index == film.index || stream.index == sound.used?.index,
                    note: note
                )
            )
        }
        return tracks
    }

    static func warnings(film: Stream, sound: Sound, pace: PicturePace) -> [MediaWarning] {
        var warnings: [MediaWarning] = []
        let obstacles = sound.obstacles.filter { $0.value != "empty" }.sorted { $0.key < $1.key }
        if sound.used == nil, !obstacles.isEmpty {
            let causes = obstacles.prefix(8).map { "track \($0.key): \($0.value)" }.joined(separator: ", ")
            warnings.append(
                MediaWarning(.soundNotDecoded, "the sound cannot be used (\(causes)): the renditions are silent")
            )
        }
        if let rate = pace.inventedRate {
            let hertz = (Double(rate.num) / Double(max(rate.den, 1)) * 1_000).rounded() / 1_000
            warnings.append(
                MediaWarning(
                    .timesInvented,
                    "the times of the pictures cannot be true: pictures follow each other at \(hertz) Hz"
                )
            )
        }
        if film.isTransparentVPx, !StreamDecoder.canDecodeAlpha(film.parameters.pointee.codec_id) {
            warnings.append(
                MediaWarning(.transparencyIgnored, "the picture's transparency cannot be decoded and is left out")
            )
        }
        return warnings
    }
}

extension Stream {
    /// VP8 and VP9 carry transparency beside the packets, and only the container tells of it.
    var isTransparentVPx: Bool {
        let isVPx = [AV_CODEC_ID_VP8, AV_CODEC_ID_VP9].contains(parameters.pointee.codec_id)
        return isVPx && shim_stream_option(pointer, "alpha_mode").map { String(cString: $0) } == "1"
    }
}

extension MediaError {
    fileprivate static func list(_ streams: [Stream]) -> String {
        let names = streams.prefix(8).map { "\($0.kindName) \($0.wordyCodecName)" }
        return names.isEmpty ? "no streams" : names.joined(separator: ", ") + (streams.count > 8 ? ", …" : "")
    }

    fileprivate static func noVideoStream(_ streams: [Stream], _ cause: String?) -> MediaError {
        MediaError(
            code: .noVideoStream,
            message: "no video stream: the file has \(list(streams))\(cause.map { "; \($0)" } ?? ""); "
                + "provide a file with moving pictures",
            isRetriable: false,
            libavCode: shim_error_stream_not_found
        )
    }

    fileprivate static func noDecoder(_ streams: [Stream]) -> MediaError {
        MediaError(
            code: .unsupported,
            message: "there is no decoder for \(list(streams)); convert the file, for example to H.264 in MP4",
            isRetriable: false
        )
    }

    static func encrypted(_ content: String) -> MediaError {
        MediaError(
            code: .encrypted,
            message: "the file is encrypted (DRM; \(content)); provide it without protection",
            isRetriable: false
        )
    }
}
