import CFFmpeg

/// The thread between decoder and encoders: places keyframes, scales, and makes thumbnails.
///
/// Sendable because the cascade, the placer and the thumbnails are used by the stage's thread only, between start and
/// join; afterwards only the thread that joined reads them.
final class ScalingStage: @unchecked Sendable {
    let queue = BoundedQueue<Frame>(capacity: 3)
    private let cascade: ScalingCascade
    private let tracks: [RenditionTrack]
    private let thumbnails: ThumbnailMaker?
    private let state: RunState
    private var keyframes: KeyframePlacer

    /// - Parameter tracks: in the order of the cascade's sizes.
    init(
        cascade: ScalingCascade,
        tracks: [RenditionTrack],
        thumbnails: ThumbnailMaker?,
        keyframes: KeyframePlacer,
        state: RunState
    ) {
        self.cascade = cascade
        self.tracks = tracks
        self.thumbnails = thumbnails
        self.keyframes = keyframes
        self.state = state
    }

    var thumbnailOutputs: [VideoResult.Output] { thumbnails?.outputs ?? [] }

    /// The body of the thread.
    func run() {
        do {
            while let source = queue.pop() {
                try state.checkpoint()
                let isKeyframe = keyframes.isKeyframe(at: source.ticks)
                source.pointer.pointee.pict_type = isKeyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE
                let scaled = try cascade.scale(source)
                try thumbnails?.take(source: source, scaled: scaled)
                for (track, frame) in zip(tracks, scaled) where !track.queue.push(frame) { return }
            }
            for track in tracks { track.queue.finish() }
        } catch {
            state.fail(error)
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
