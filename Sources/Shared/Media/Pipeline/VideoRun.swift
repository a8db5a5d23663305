import CFFmpeg
import Logging

/// One run of the engine: opens everything, runs the threads, and closes everything.
///
///     calling thread: read → decode ─ queue → scaling thread ─ queue → encoder thread → file   (per rendition)
///                       ├→ sound: decode, resample, encode once → every file   └→ thumbnails
///                       └→ original, when it is copied
final class VideoRun {
    let plan: MediaPlan
    let threads: VideoEngine.Threads
    let state: RunState
    let logger: Logger
    let input: MediaInput
    let timeline: Timeline
    let colors: ColorTags
    let audioEncoder: AudioEncoder?

    var tracks: [(size: PictureSize, track: RenditionTrack)] = []
    var files: [(output: MP4Output, entry: VideoResult.Output)] = []
    var audioSinks: [(output: MP4Output, streamIndex: Int)] = []
    var videoCopy: CopyTrack?
    var audioCopy: CopyTrack?

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
            try workers.start("scale") { stage.run() }
            for (size, track) in tracks { try workers.start(VideoEncoder.threadName(size)) { track.run() } }
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
            do {
                entry.sizeBytes = try output.finish()
            } catch {
                // The index is written last, and only then does the muxer look at a copied stream's headers.
                guard entry.kind == .original, error.code == .internalFailure else { throw error }
                throw .damaged("the source's streams do not fit MP4 (\(error.message))", error.libavCode ?? 0)
            }
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
