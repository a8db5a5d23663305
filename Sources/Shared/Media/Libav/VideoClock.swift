import CFFmpeg

/// Gives every picture a time: ticks since zero, strictly increasing.
struct VideoClock {
    /// The longest time that a picture is shown, unless pictures before it were that far apart. Containers may state
    /// hours for the last one.
    static let longestPictureSeconds = 10.0
    /// MP4 cannot store a longer step between two pictures, in ticks.
    private static let longestStep = Int64(Int32.max) - 1

    let base: AVRational
    private let timeline: Timeline
    private let streamBase: AVRational
    private let inventedRate: AVRational?
    /// The duration of a picture when the source gives none, in ticks; at least 1.
    let nominalDuration: Int64
    private(set) var end: Int64 = 0
    private var last: Int64 = -1
    private var lastTime = shim_nopts
    private var longestInterval: Int64 = 0
    /// How far times are moved so that no step is too long.
    private var shift: Int64 = 0
    /// Pictures that have been stamped.
    private var count: Int64 = 0

    init(input: MediaInput, timeline: Timeline) {
        self.timeline = timeline
        streamBase = input.video.pointee.time_base
        inventedRate = input.pace.inventedRate
        base = Timeline.videoBase(of: input)
        let rate = Self.framerate(of: input)
        let seconds = Double(rate.den) / Double(rate.num)
        nominalDuration = max(1, Int64(seconds * Double(base.den) / Double(base.num)))
    }

    /// Average pictures per second, within the range of an encoder; 25 when the source gives none.
    static func framerate(of input: MediaInput) -> AVRational {
        if let rate = input.pace.inventedRate { return rate }
        let stream = input.video.pointee
        for rate in [stream.avg_frame_rate, stream.r_frame_rate] where rate.num > 0 && rate.den > 0 {
            let hertz = Double(rate.num) / Double(rate.den)
            if (0.1...1_000).contains(hertz) { return rate }
        }
        return AVRational(num: 25, den: 1)
    }

    /// Sets time and duration of a decoded picture. False when the picture has to be left out.
    mutating func stamp(_ frame: Frame) -> Bool {
        let pointer = frame.pointer
        guard let ticks = ticks(pointer.pointee.best_effort_timestamp), ticks > last, ticks >= 0 else { return false }
        if last >= 0 { longestInterval = max(longestInterval, ticks - last) }
        let stated = inventedRate == nil ? av_rescale_q(shim_frame_duration(pointer), streamBase, base) : 0
        let duration = stated > 0 ? min(stated, longestDuration) : nominalDuration
        pointer.pointee.pts = ticks
        shim_set_frame_duration(pointer, duration)
        last = ticks
        end = ticks + duration
        count += 1
        return true
    }

    var endSeconds: Double { Timeline.seconds(end, base) }

    private var longestDuration: Int64 {
        max(longestInterval, Int64(Self.longestPictureSeconds * Double(base.den) / Double(base.num)))
    }

    /// Nil when the time cannot be true.
    private mutating func ticks(_ time: Int64) -> Int64? {
        if let rate = inventedRate { return av_rescale_q(count, AVRational(num: rate.den, den: rate.num), base) }
        // A picture without a time follows the one before, and so does one whose time stands still.
        guard time != shim_nopts, time != lastTime else { return end }
        guard let ticks = timeline.ticks(time, in: streamBase, to: base) else { return nil }
        lastTime = time
        if last >= 0, ticks - shift - last > Self.longestStep { shift = ticks - last - Self.longestStep }
        return ticks - shift
    }
}
