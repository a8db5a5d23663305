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
    let sourceColor: SourceColor
    let colors: ColorTags
    let limiter: RateLimiter
    private(set) var audioEncoder: AudioEncoder?
    var warnings: [MediaWarning]

    var tracks: [(size: PictureSize, track: RenditionTrack)] = []
    var files: [(output: MP4Output, entry: VideoResult.Output)] = []
    var audioSinks: [(output: MP4Output, streamIndex: Int)] = []
    var videoCopy: CopyTrack?
    var audioCopy: CopyTrack?
    private var audio: AudioTranscoder?
    private var hasLostSound = false

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
        sourceColor = SourceColor(parameters: parameters.pointee, container: input.containerColors)
        colors = ColorTags(source: sourceColor, width: parameters.pointee.width, height: parameters.pointee.height)
        let base = Timeline.videoBase(of: input)
        limiter = RateLimiter(input: input, base: base, maximumHertz: plan.encoding.maximumFramerate)
        warnings = input.warnings
        guard let audio = input.audio?.pointee.codecpar?.pointee else { return }
        do {
            audioEncoder = try AudioEncoder(
                sampleRate: Int(audio.sample_rate),
                channels: Int(audio.ch_layout.nb_channels),
                bitrateBitsPerSecond: plan.encoding.audioBitrateBitsPerSecond
            )
        } catch {
            try noteLostSound(error)
        }
    }

    /// Sound that cannot be made never costs the picture: a warning tells of it.
    ///
    /// - Throws: what has nothing to do with the sound: a full disk, a cancelled run, too little memory.
    func noteLostSound(_ error: MediaError) throws(MediaError) {
        guard [.internalFailure, .unsupported, .damaged].contains(error.code) else { throw error }
        logger.warning("the sound is given up: \(error.message)")
        warnings.append(MediaWarning(.soundIncomplete, "part of the sound is missing: \(error.message)"))
    }

    func run() throws(MediaError) -> VideoResult {
        try openOutputs()
        let reader = try SourceReader(
            input: input,
            timeline: timeline,
            limiter: limiter,
            threads: threads.decoder,
            durationSeconds: plan.source.durationSeconds,
            state: state
        )
        audio = try makeAudio()
        let stage = try makeStage()
        try runThreads(reader: reader, stage: stage)
        try judge(reader)
        try judgeOriginal()
        noteTroubles(reader, stage)
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
            isTruncated: reader.missingShare > 0.05,
            warnings: warnings
        )
    }
}

// MARK: - Running

extension VideoRun {
    private func runThreads(
        reader: SourceReader,
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
                    try hear { audio throws(MediaError) in try audio.transcode(packet) }
                },
                picture: { [sourceColor] in
                    sourceColor.complete($0)
                    return stage.queue.push($0)
                }
            )
            stage.queue.finish()
            try hear { audio throws(MediaError) in try audio.finish() }
        } catch {
            state.fail(error)
        }
        workers.join()
        if let failure = state.firstFailure { throw failure }
    }

    /// Works on the sound; gives it up where that fails.
    private func hear(_ body: (AudioTranscoder) throws(MediaError) -> Void) throws(MediaError) {
        guard let audio, !hasLostSound else { return }
        do { try body(audio) } catch {
            try noteLostSound(error)
            hasLostSound = true
        }
    }

    /// Completes all files, each on a thread of its own: moving an index to the front is reading and writing.
    private func finish(videoDurationSeconds: Double) throws(MediaError) -> [VideoResult.Output] {
        let finishing = FilesFinishing(files.map { ($0.output, $0.entry) }, state)
        let sizes = try finishing.run()
        return zip(files, sizes).map { file, size in
            var entry = file.entry
            entry.sizeBytes = size
            entry.durationSeconds = videoDurationSeconds
            return entry
        }
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

    /// Looks at the packets of `original` that MP4 could not hold.
    private func judgeOriginal() throws(MediaError) {
        if let videoCopy, videoCopy.lostCount > 0 {
            let (lost, all) = (videoCopy.lostCount, videoCopy.packetCount)
            if Double(lost) > Double(all) * plan.encoding.toleratedDamage {
                throw .damaged("\(lost) of \(all) packets of the source do not fit MP4", videoCopy.lastRefusal)
            }
            let message = "the original lacks \(lost) of \(all) packets of the picture, which MP4 cannot hold"
            warnings.append(MediaWarning(.originalIncomplete, message))
        }
        if let audioCopy, audioCopy.lostCount > 0 {
            let (lost, all) = (audioCopy.lostCount, audioCopy.packetCount)
            let message = "the original lacks \(lost) of \(all) packets of the sound, which MP4 cannot hold"
            warnings.append(MediaWarning(.originalIncomplete, message))
        }
    }

    private func noteTroubles(_ reader: SourceReader, _ stage: ScalingStage) {
        if let audio, !hasLostSound, audio.errorCount > 0 {
            let code: MediaWarning.Code = audio.madeSamples == 0 ? .soundNotDecoded : .soundIncomplete
            warnings.append(MediaWarning(code, "\(audio.errorCount) packets of the sound could not be decoded"))
        }
        if reader.closedGaps > 0 {
            warnings.append(MediaWarning(.gapsClosed, "\(reader.closedGaps) jumps of the source's times were closed"))
        }
        if stage.leftInterlaced {
            let cause = FilterLibrary.shared == nil ? "libavfilter is not installed" : "their format is not supported"
            warnings.append(MediaWarning(.notDeinterlaced, "interlaced pictures were left as they are: \(cause)"))
        }
        if reader.missingShare > 0.05 {
            let percent = Int((reader.missingShare * 100).rounded())
            warnings.append(MediaWarning(.truncated, "\(percent) % of the source's duration are missing"))
        }
        let damaged = reader.decodeErrors + reader.readErrors + reader.damagedFrames
        if damaged > 0 {
            warnings.append(MediaWarning(.damagedPictures, "\(damaged) parts of the picture are damaged or missing"))
        }
    }
}

extension MediaError {
    static func damaged(_ cause: String, _ code: Int32) -> MediaError {
        MediaError(
            code: .damaged,
            message: "\(cause); the file is damaged or incomplete, so provide it again",
            isRetriable: false,
            libavCode: code < 0 ? code : nil
        )
    }
}
