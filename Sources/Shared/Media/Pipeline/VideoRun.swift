import CFFmpeg
import Logging

/// One run of the engine: opens everything, runs the threads, and closes everything.
///
///     calling thread: read → decode ─ queue → scaling thread ─ queue → encoder thread → file   (per rendition)
///                       ├→ sound: decode, resample, encode once → every file   └→ thumbnails
///                       └→ original, when it is copied
final class VideoRun {
    private let plan: MediaPlan
    private let threads: VideoEngine.Threads
    private let state: RunState
    private let logger: Logger
    private let input: MediaInput
    private let timeline: Timeline
    private let colors: ColorTags
    private let audioEncoder: AudioEncoder?

    private var tracks: [(size: PictureSize, track: RenditionTrack)] = []
    private var files: [(output: MP4Output, entry: VideoResult.Output)] = []
    private var audioSinks: [(output: MP4Output, streamIndex: Int)] = []
    private var videoCopy: CopyTrack?
    private var audioCopy: CopyTrack?

    init(
        plan: MediaPlan,
        path: String,
        threads: VideoEngine.Threads,
        state: RunState,
        logger: Logger
    ) throws(MediaError) {
        self.plan = plan
        self.threads = threads
        self.state = state
        self.logger = logger
        input = try MediaInput(path: path, state: state)
        guard let parameters = input.video.pointee.codecpar else { throw .outOfMemory }
        timeline = Timeline(video: input.video, audio: input.audio)
        colors = ColorTags(parameters: parameters.pointee)
        if let audio = input.audio?.pointee.codecpar?.pointee {
            audioEncoder = try AudioEncoder(
                sampleRate: Int(audio.sample_rate),
                channels: Int(audio.ch_layout.nb_channels),
                bitrateBitsPerSecond: plan.encoding.audioBitrateBitsPerSecond
            )
        } else {
            audioEncoder = nil
        }
    }

    func run() throws(MediaError) -> VideoResult {
        try openOutputs()
        let reader = try SourceReader(
            input: input,
            timeline: timeline,
            threads: threads.decoder,
            durationSeconds: plan.source.durationSeconds,
            state: state
        )
        let audio = try makeAudio()
        let stage = try makeStage()
        try runThreads(reader: reader, audio: audio, stage: stage)
        try judge(reader)
        let outputs = try finish(videoDurationSeconds: reader.videoDurationSeconds)
        state.report(progress: 1)
        return VideoResult(
            metadata: plan.source,
            outputs: outputs + stage.thumbnailOutputs,
            decodedFrames: reader.decodedFrames,
            decodeErrors: reader.decodeErrors + reader.readErrors,
            audioDecodeErrors: audio?.errorCount ?? 0,
            damagedFrames: reader.damagedFrames,
            droppedFrames: reader.droppedFrames,
            isTruncated: reader.missingShare > 0.05
        )
    }
}

// MARK: - Opening

extension VideoRun {
    private func openOutputs() throws(MediaError) {
        for rendition in plan.renditions {
            let size = PictureSize(width: rendition.width, height: rendition.height)
            let bitrate = rendition.bitrateBitsPerSecond
            let path = try state.path(for: rendition.fileName)
            let output = try addRendition(rendition.fileName, size: size, bitrate: bitrate, copiesAudio: false, path)
            files.append((output, entry(.rendition, rendition.fileName, rendition.quality, size, "h264")))
        }
        guard let original = plan.original else { return }
        let path = try state.path(for: original.fileName)
        let size = PictureSize(width: original.width, height: original.height)
        if original.video == .copy {
            do {
                let output = try addCopy(original, path)
                files.append((output, entry(.original, original.fileName, MediaPlan.originalQuality, size, codecName)))
                return
            } catch {
                // What a stream really holds shows only when the muxer looks at it.
                guard error.code == .internalFailure else { throw error }
                logger.warning("the original does not fit MP4 after all and is transcoded: \(error.message)")
            }
        }
        let bitrate = original.bitrateBitsPerSecond
        let copiesAudio = original.video == .transcode && original.audio == .copy
        let output = try addRendition(
            original.fileName,
            size: size.even,
            bitrate: bitrate,
            copiesAudio: copiesAudio,
            path
        )
        files.append((output, entry(.original, original.fileName, MediaPlan.originalQuality, size.even, "h264")))
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
                timeBase: Timeline.videoBase(of: input.video),
                framerate: VideoClock.framerate(of: input.video),
                colors: colors
            )
        )
        let output = try MP4Output(fileName: fileName, state: state)
        let streamIndex = try output.addStream(encoder: encoder.context)
        let commitAudio = try addAudio(to: output, copies: copiesAudio)
        try output.open(path: path)
        commitAudio()
        let track = RenditionTrack(encoder: encoder, output: output, streamIndex: streamIndex, state: state)
        tracks.append((size, track))
        return output
    }

    private func addCopy(_ original: MediaPlan.Original, _ path: String) throws(MediaError) -> MP4Output {
        let output = try MP4Output(fileName: original.fileName, state: state)
        let streamIndex = try output.addStream(copyOf: input.video)
        let commitAudio = try addAudio(to: output, copies: original.audio == .copy)
        try output.open(path: path)
        commitAudio()
        videoCopy = CopyTrack(output: output, streamIndex: streamIndex, source: input.video, timeline: timeline)
        return output
    }

    /// Adds the sound's stream. What is returned connects it, once the file is known to be good.
    private func addAudio(to output: MP4Output, copies: Bool) throws(MediaError) -> () -> Void {
        guard let audio = input.audio, let audioEncoder else { return {} }
        if copies {
            let index = try output.addStream(copyOf: audio)
            let copy = CopyTrack(output: output, streamIndex: index, source: audio, timeline: timeline)
            return { self.audioCopy = copy }
        }
        let index = try output.addStream(encoder: audioEncoder.context)
        return { self.audioSinks.append((output, index)) }
    }

    private func makeAudio() throws(MediaError) -> AudioTranscoder? {
        guard let stream = input.audio, let encoder = audioEncoder, !audioSinks.isEmpty else { return nil }
        let (sinks, base) = (audioSinks, encoder.context.pointee.time_base)
        return try AudioTranscoder(stream: stream, encoder: encoder, timeline: timeline, state: state) {
            packet throws(MediaError) in
            for sink in sinks { try sink.output.write(packet, stream: sink.streamIndex, base: base) }
        }
    }

    private func makeStage() throws(MediaError) -> ScalingStage {
        let orientation = Orientation(stream: input.video)
        let base = Timeline.videoBase(of: input.video)
        let interval = plan.encoding.keyframeIntervalSeconds
        return ScalingStage(
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
            mimeType: "video/mp4"
        )
    }
}

// MARK: - Running

extension VideoRun {
    private func runThreads(
        reader: SourceReader,
        audio: AudioTranscoder?,
        stage: ScalingStage
    ) throws(MediaError) {
        state.onStop { [queue = stage.queue] in queue.abort() }
        for (_, track) in tracks { state.onStop { [queue = track.queue] in queue.abort() } }
        var workers = WorkerThreads()
        do {
            try workers.start { stage.run() }
            for (_, track) in tracks { try workers.start { track.run() } }
            try reader.run(
                video: { packet throws(MediaError) in try videoCopy?.write(packet) },
                audio: { packet throws(MediaError) in
                    try audioCopy?.write(packet)
                    try audio?.transcode(packet)
                },
                picture: { stage.queue.push($0) }
            )
            stage.queue.finish()
            try audio?.finish()
        } catch {
            state.fail(error)
        }
        workers.join()
        if let failure = state.firstFailure { throw failure }
    }

    private func finish(videoDurationSeconds: Double) throws(MediaError) -> [VideoResult.Output] {
        var outputs: [VideoResult.Output] = []
        for (output, entry) in files {
            try state.checkpoint()
            var entry = entry
            entry.sizeBytes = try output.finish()
            entry.durationSeconds = videoDurationSeconds
            outputs.append(entry)
        }
        return outputs
    }
}

// MARK: - Judging

extension VideoRun {
    /// Refuses a source of which too much is lost.
    private func judge(_ reader: SourceReader) throws(MediaError) {
        let shown = reader.decodedFrames - reader.droppedFrames
        let lost = reader.decodeErrors + reader.droppedFrames
        guard shown > 0 else {
            let cause = reader.lastErrorCode < 0 ? ": \(MediaError.words(for: reader.lastErrorCode))" : ""
            throw .damaged("no picture could be decoded\(cause)", reader.lastErrorCode)
        }
        if Double(lost) > Double(lost + shown) * plan.encoding.toleratedDamage {
            throw .damaged("\(lost) of \(lost + shown) pictures could not be decoded", reader.lastErrorCode)
        }
        if reader.missingShare > plan.encoding.toleratedDamage {
            let percent = Int((reader.missingShare * 100).rounded())
            throw .damaged("the file ends early: \(percent) % of its duration is missing", reader.lastErrorCode)
        }
    }
}

extension MediaError {
    fileprivate static func damaged(_ cause: String, _ code: Int32) -> MediaError {
        MediaError(
            code: .damaged,
            message: "\(cause); the file is damaged or incomplete, so provide it again",
            isRetriable: false,
            libavCode: code < 0 ? code : nil
        )
    }
}
