import CFFmpeg
import Logging

extension VideoRun {
    /// Creates every MP4 file with its streams and encoders.
    func openOutputs() throws(MediaError) {
        for rendition in plan.renditions {
            let size = PictureSize(width: rendition.width, height: rendition.height)
            let bitrate = rendition.bitrateBitsPerSecond
            let path = try state.path(for: rendition.fileName)
            let output = try addRendition(rendition.fileName, size: size, bitrate: bitrate, copiesAudio: false, path)
            files.append((output, entry(.rendition, rendition.fileName, rendition.quality, size, "h264")))
        }
        if let original = plan.original { try openOriginal(original) }
    }

    /// Opens `original` as planned, or, where the muxer refuses the streams, with fewer streams copied and more
    /// transcoded: the real content of a stream shows only when the muxer looks at it.
    private func openOriginal(_ original: MediaPlan.Original) throws(MediaError) {
        let path = try state.path(for: original.fileName)
        let otherwise: MediaPlan.StreamMode = input.audio == nil ? .none : .transcode
        let audio: [MediaPlan.StreamMode] = original.audio == .copy ? [.copy, otherwise] : [otherwise]
        let video: [MediaPlan.StreamMode] = original.video == .copy ? [.copy, .transcode] : [.transcode]
        let attempts = video.flatMap { video in audio.map { (video: video, audio: $0) } }
        for (index, attempt) in attempts.enumerated() {
            do {
                try openOriginal(original, video: attempt.video, copiesAudio: attempt.audio == .copy, path)
                return
            } catch {
                guard error.code == .internalFailure, index + 1 < attempts.count else { throw error }
                logger.warning("the original does not fit MP4 as it is: \(error.message)")
            }
        }
    }

    private func openOriginal(
        _ original: MediaPlan.Original,
        video: MediaPlan.StreamMode,
        copiesAudio: Bool,
        _ path: String
    ) throws(MediaError) {
        let quality = MediaPlan.originalQuality
        var size = PictureSize(width: original.width, height: original.height)
        if video == .copy {
            let output = try addCopy(original.fileName, copiesAudio: copiesAudio, path)
            var made = entry(.original, original.fileName, quality, size, codecName)
            (made.profile, made.pixelFormat) = (plan.source.profile, plan.source.pixelFormat)
            made.transfer = plan.source.color.transfer
            files.append((output, made))
            return
        }
        size = size.even
        let bitrate = original.bitrateBitsPerSecond
        let output = try addRendition(
            original.fileName,
            size: size,
            bitrate: bitrate,
            copiesAudio: copiesAudio,
            path
        )
        files.append((output, entry(.original, original.fileName, quality, size, "h264")))
    }

    private func addRendition(
        _ fileName: String,
        size: PictureSize,
        bitrate: Int,
        copiesAudio: Bool,
        _ path: String
    ) throws(MediaError) -> MP4Output {
        let encoder = try VideoEncoder(
            VideoEncoder.Settings(
                size: size,
                bitrateBitsPerSecond: bitrate,
                crf: plan.encoding.crf,
                preset: plan.encoding.preset,
                threads: threads.encoder,
                timeBase: Timeline.videoBase(of: input),
                framerate: limiter.framerate,
                colors: colors
            )
        )
        let output = try MP4Output(fileName: fileName, state: state)
        // A picture that was turned is no panorama any more.
        let isUpright = Orientation(stream: input.video) == .upright
        let streamIndex = try output.addStream(encoder: encoder.context, shapeOf: isUpright ? input.video : nil)
        let commitAudio = try addAudio(to: output, copies: copiesAudio)
        try output.open(path: path)
        commitAudio()
        let track = RenditionTrack(encoder: encoder, output: output, streamIndex: streamIndex, state: state)
        tracks.append((size, track))
        return output
    }

    private func addCopy(
        _ fileName: String,
        copiesAudio: Bool,
        _ path: String
    ) throws(MediaError) -> MP4Output {
        let output = try MP4Output(fileName: fileName, state: state)
        let streamIndex = try output.addStream(copyOf: input.video)
        let commitAudio = try addAudio(to: output, copies: copiesAudio)
        try output.open(path: path)
        commitAudio()
        videoCopy = CopyTrack(output: output, streamIndex: streamIndex, source: input.video, timeline: timeline)
        return output
    }

    /// Adds the sound's stream. The returned closure connects it, once the file is known to be good.
    private func addAudio(to output: MP4Output, copies: Bool) throws(MediaError) -> () -> Void {
        if copies, let audio = input.audio ?? input.undecodedAudio {
            let index = try output.addStream(copyOf: audio)
            let copy = CopyTrack(output: output, streamIndex: index, source: audio, timeline: timeline)
            return { self.audioCopy = copy }
        }
        guard let audioEncoder else { return {} }
        let index = try output.addStream(encoder: audioEncoder.context)
        return { self.audioSinks.append((output, index)) }
    }

    func makeAudio() throws(MediaError) -> AudioTranscoder? {
        guard let stream = input.audio, let encoder = audioEncoder, !audioSinks.isEmpty else { return nil }
        let (sinks, base) = (audioSinks, encoder.context.pointee.time_base)
        do {
            return try AudioTranscoder(stream: stream, encoder: encoder, timeline: timeline, state: state) {
                packet throws(MediaError) in
                for sink in sinks { try sink.output.write(packet, stream: sink.streamIndex, base: base) }
            }
        } catch {
            try noteLostSound(error)
            return nil
        }
    }

    func makeStage() throws(MediaError) -> ScalingStage {
        let orientation = Orientation(stream: input.video)
        let base = Timeline.videoBase(of: input)
        let interval = plan.encoding.keyframeIntervalSeconds
        return ScalingStage(
            deinterlacer: plan.encoding.deinterlaces ? Deinterlacer(base: base, threads: threads.decoder) : nil,
            flattener: AlphaFlattener(colors: colors),
            cascade: try ScalingCascade(sizes: tracks.map(\.size), orientation: orientation, colors: colors),
            tracks: tracks.map(\.track),
            thumbnails: try ThumbnailMaker(
                plan: plan,
                orientation: orientation,
                colors: colors,
                base: base,
                state: state
            ),
            keyframes: KeyframePlacer(intervalSeconds: interval, base: base),
            state: state
        )
    }

    private var codecName: String {
        input.video.pointee.codecpar.map { String(cString: avcodec_get_name($0.pointee.codec_id)) } ?? "unknown"
    }

    private func entry(
        _ kind: VideoResult.Kind,
        _ fileName: String,
        _ quality: String,
        _ size: PictureSize,
        _ codec: String
    ) -> VideoResult.Output {
        VideoResult.Output(
            kind: kind,
            fileName: fileName,
            quality: quality,
            width: size.width,
            height: size.height,
            sizeBytes: 0,
            codec: codec,
            mimeType: "video/mp4",
            profile: codec == "h264" ? "High" : nil,
            pixelFormat: "yuv420p",
            transfer: colors.transfer == AVCOL_TRC_UNSPECIFIED
                ? nil : av_color_transfer_name(colors.transfer).map { String(cString: $0) }
        )
    }
}
