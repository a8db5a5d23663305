import CFFmpeg

/// The times of one source: its zero, and the limit beyond which a time cannot be true.
struct Timeline {
    /// Presentation times beyond this are damage, not content.
    static let maximumSeconds: Double = 48 * 3_600
    /// Sound that starts this little before the picture is cut rather than have the picture start late.
    private static let toleratedLeadMicroseconds: Int64 = 50_000

    static let microseconds = AVRational(num: 1, den: 1_000_000)

    /// The time in the source that becomes zero in the outputs, in `zeroBase`.
    private let zero: Int64
    private let zeroBase: AVRational

    init(video: UnsafePointer<AVStream>, audio: UnsafePointer<AVStream>?) {
        let videoStart = video.pointee.start_time
        let audioStart = audio.map(\.pointee.start_time) ?? shim_nopts
        guard videoStart != shim_nopts else {
            zero = audioStart == shim_nopts ? 0 : audioStart
            zeroBase = audio?.pointee.time_base ?? video.pointee.time_base
            return
        }
        if audioStart != shim_nopts, let audio {
            let start = av_rescale_q(audioStart, audio.pointee.time_base, Self.microseconds)
            let lead = av_rescale_q(videoStart, video.pointee.time_base, Self.microseconds)
                .subtractingReportingOverflow(start)
            if !lead.overflow, lead.partialValue > Self.toleratedLeadMicroseconds {
                zero = audioStart
                zeroBase = audio.pointee.time_base
                return
            }
        }
        zero = videoStart
        zeroBase = video.pointee.time_base
    }

    /// Zero in another time base.
    func zero(in base: AVRational) -> Int64 {
        base.num == zeroBase.num && base.den == zeroBase.den ? zero : av_rescale_q(zero, zeroBase, base)
    }

    /// A time of the source as ticks of `target` since zero. Nil when there is none or it cannot be true.
    func ticks(_ time: Int64, in source: AVRational, to target: AVRational) -> Int64? {
        guard time != shim_nopts else { return nil }
        let (since, overflow) = time.subtractingReportingOverflow(zero(in: source))
        guard !overflow, abs(Self.seconds(since, source)) <= Self.maximumSeconds else { return nil }
        return source.num == target.num && source.den == target.den ? since : av_rescale_q(since, source, target)
    }

    static func seconds(_ ticks: Int64, _ base: AVRational) -> Double {
        guard base.den != 0 else { return 0 }
        return Double(ticks) * Double(base.num) / Double(base.den)
    }

    /// The time base for encoded video: the source's own, so that no time is rounded, unless it is a strange one.
    static func videoBase(of stream: UnsafePointer<AVStream>) -> AVRational {
        let base = stream.pointee.time_base
        return base.num >= 1 && base.num <= 100_000 && base.den >= 1 && base.den <= 10_000_000
            ? base : AVRational(num: 1, den: 90_000)
    }
}

/// Gives every picture a time: ticks since zero, strictly increasing.
struct VideoClock {
    let base: AVRational
    private let timeline: Timeline
    private let streamBase: AVRational
    /// The duration of a picture when the source gives none, in ticks; at least 1.
    let nominalDuration: Int64
    private(set) var end: Int64 = 0
    private var last: Int64 = -1

    init(stream: UnsafePointer<AVStream>, timeline: Timeline) {
        self.timeline = timeline
        streamBase = stream.pointee.time_base
        base = Timeline.videoBase(of: stream)
        let rate = Self.framerate(of: stream)
        let seconds = Double(rate.den) / Double(rate.num)
        nominalDuration = max(1, Int64(seconds * Double(base.den) / Double(base.num)))
    }

    /// Average pictures per second, within the range of an encoder; 25 when the source gives none.
    static func framerate(of stream: UnsafePointer<AVStream>) -> AVRational {
        for rate in [stream.pointee.avg_frame_rate, stream.pointee.r_frame_rate] where rate.num > 0 && rate.den > 0 {
            let hertz = Double(rate.num) / Double(rate.den)
            if (0.1...1_000).contains(hertz) { return rate }
        }
        return AVRational(num: 25, den: 1)
    }

    /// Sets time and duration of a decoded picture. False when the picture has to be left out.
    mutating func stamp(_ frame: Frame) -> Bool {
        let pointer = frame.pointer
        let time = pointer.pointee.best_effort_timestamp
        // A picture without a time follows the one before.
        guard let ticks = time == shim_nopts ? end : timeline.ticks(time, in: streamBase, to: base),
            ticks > last, ticks >= 0
        else { return false }
        let stated = av_rescale_q(pointer.pointee.pkt_duration, streamBase, base)
        let isPlausible = stated > 0 && Timeline.seconds(stated, base) < Timeline.maximumSeconds
        let duration = isPlausible ? stated : nominalDuration
        pointer.pointee.pts = ticks
        pointer.pointee.pkt_duration = duration
        last = ticks
        end = ticks + duration
        return true
    }

    var endSeconds: Double { Timeline.seconds(end, base) }
}

/// Makes times continuous across the jumps that transport streams may have (a splice, a restarted encoder).
struct DiscontinuityFilter {
    private static let thresholdMicroseconds: Int64 = 10_000_000
    private let isActive: Bool
    private var offset: Int64 = 0
    private var last: [Int32: Int64] = [:]

    init(context: UnsafePointer<AVFormatContext>) {
        isActive = shim_input_has_discontinuities(context) != 0
    }

    mutating func apply(to packet: borrowing Packet, base: AVRational) {
        guard isActive else { return }
        let pointer = packet.pointer
        let time = pointer.pointee.dts != shim_nopts ? pointer.pointee.dts : pointer.pointee.pts
        guard time != shim_nopts else { return }
        let raw = av_rescale_q(time, base, Timeline.microseconds)
        var now = raw &+ offset
        if let last = last[pointer.pointee.stream_index] {
            let (jump, overflow) = now.subtractingReportingOverflow(last)
            if overflow || abs(jump.clamped) > Self.thresholdMicroseconds {
                offset = offset &- jump
                now = raw &+ offset
            }
        }
        last[pointer.pointee.stream_index] = now
        let shift = av_rescale_q(offset, Timeline.microseconds, base)
        if pointer.pointee.dts != shim_nopts { pointer.pointee.dts &+= shift }
        if pointer.pointee.pts != shim_nopts { pointer.pointee.pts &+= shift }
    }
}

extension Int64 {
    /// Without the one value whose magnitude does not fit.
    fileprivate var clamped: Int64 { Swift.max(self, -Int64.max) }
}
