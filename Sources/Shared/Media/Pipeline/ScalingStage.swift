import CFFmpeg

/// The thread between decoder and encoders: deinterlaces, lays over black, places keyframes, scales, and makes
/// thumbnails.
///
/// Sendable because all of its parts are used by the stage's thread only, between start and join; afterwards only the
/// thread that joined reads them.
final class ScalingStage: @unchecked Sendable {
    let queue = BoundedQueue<Frame>(capacity: 3)
    private let deinterlacer: Deinterlacer?
    private let flattener: AlphaFlattener
    private let cascade: ScalingCascade
    private let tracks: [RenditionTrack]
    private let thumbnails: ThumbnailMaker?
    private let state: RunState
    private var keyframes: KeyframePlacer

    /// - Parameter tracks: in the order of the cascade's sizes.
    init(
        deinterlacer: Deinterlacer?,
        flattener: AlphaFlattener,
        cascade: ScalingCascade,
        tracks: [RenditionTrack],
        thumbnails: ThumbnailMaker?,
        keyframes: KeyframePlacer,
        state: RunState
    ) {
        self.deinterlacer = deinterlacer
        self.flattener = flattener
        self.cascade = cascade
        self.tracks = tracks
        self.thumbnails = thumbnails
        self.keyframes = keyframes
        self.state = state
    }

    var thumbnailOutputs: [VideoResult.Output] { thumbnails?.outputs ?? [] }
    var leftInterlaced: Bool { deinterlacer?.hasFailed ?? false }

    /// The body of the thread.
    func run() {
        do {
            while let source = queue.pop() {
                try state.checkpoint()
                if let deinterlacer {
                    try deinterlacer.process(source) { frame throws(MediaError) in try pass(frame) }
                } else {
                    try pass(source)
                }
            }
            try deinterlacer?.flush { frame throws(MediaError) in try pass(frame) }
            try thumbnails?.finish()
            for track in tracks { track.queue.finish() }
        } catch {
            state.fail(error)
        }
    }

    private func pass(_ frame: Frame) throws(MediaError) {
        try state.checkpoint()
        let source = try flattener.flatten(frame)
        let isKeyframe = keyframes.isKeyframe(at: source.ticks)
        source.pointer.pointee.pict_type = isKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
        let scaled = try cascade.scale(source)
        try thumbnails?.take(source: source, scaled: scaled)
        // A queue refuses only what comes after the run has ended.
        for (track, frame) in zip(tracks, scaled) where !track.queue.push(frame) {
            throw state.firstFailure ?? .cancelled
        }
    }
}

/// Decides which pictures become keyframes: the first at or after every multiple of the interval. All renditions get
/// the same decision, so that players can switch between them at any keyframe.
struct KeyframePlacer {
    private let intervalTicks: Double
    private var first: Int64?
    private var next = 0.0

    init(intervalSeconds: Double, base: AVRational) {
        intervalTicks = max(1, intervalSeconds * Double(base.den) / Double(base.num))
    }

    mutating func isKeyframe(at ticks: Int64) -> Bool {
        let start = first ?? ticks
        first = start
        // A picture may come half a tick early where the interval is no whole number of ticks.
        let elapsed = Double(ticks - start) + 0.5
        guard elapsed >= next else { return false }
        next = ((elapsed / intervalTicks).rounded(.down) + 1) * intervalTicks
        return true
    }
}
