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

    /// The time base for encoded video: the source's own, so that no time is rounded, unless it is a strange one or so
    /// fine that steps of an hour would not fit MP4's 31 bits.
    static func videoBase(of input: MediaInput) -> AVRational {
        let base = input.video.pointee.time_base
        let isUsual = base.num >= 1 && base.num <= 100_000 && base.den >= 1 && base.den <= 120_000
        return isUsual && !input.pace.isInvented ? base : AVRational(num: 1, den: 90_000)
    }
}
