import CFFmpeg

/// Leaves out pictures of a source that is faster than outputs may be: every second, every third…, so that those that
/// stay are evenly spaced.
struct RateLimiter {
    /// The rate that comes out.
    let framerate: AVRational
    /// Slots per tick; nil when every picture stays.
    private let slots: Double?
    /// Half of the time between two pictures of the source, in slots: containers round times.
    private let tolerance: Double
    private var last = -1.0
    /// A picture waits for the next one that stays, which tells how long it is shown.
    private var waiting: Frame?
    private var end: Int64 = 0
    /// Pictures that were left out.
    private(set) var leftOut = 0

    /// - Parameter maximumHertz: a source that is faster by less than a twentieth stays as it is.
    init(input: MediaInput, base: AVRational, maximumHertz: Double) {
        let stated = VideoClock.framerate(of: input)
        let hertz = max(Double(stated.num) / Double(stated.den), input.pace.observedHertz ?? 0)
        let divisor = (hertz / maximumHertz - 0.05).rounded(.up)
        guard divisor > 1 else {
            (framerate, slots, tolerance) = (stated, nil, 0)
            return
        }
        let rate = hertz / divisor
        framerate = AVRational(num: Int32((rate * 1_000).rounded()), den: 1_000)
        tolerance = 0.5 / divisor
        slots = rate * Double(base.num) / Double(base.den)
    }

    /// The picture that is complete now; nil when none is.
    mutating func pass(_ frame: Frame) -> Frame? {
        guard let slots else { return frame }
        end = frame.ticks + shim_frame_duration(frame.pointer)
        let slot = (Double(frame.ticks) * slots + tolerance).rounded(.down)
        guard slot > last else {
            leftOut += 1
            return nil
        }
        last = slot
        let before = waiting
        waiting = frame
        if let before { shim_set_frame_duration(before.pointer, frame.ticks - before.ticks) }
        return before
    }

    /// The last picture, at the end.
    mutating func flush() -> Frame? {
        guard let frame = waiting else { return nil }
        waiting = nil
        shim_set_frame_duration(frame.pointer, max(end - frame.ticks, 1))
        return frame
    }
}
