import CFFmpeg

/// How fast the pictures of a film follow each other, by its first packets: whether their times can be true, and the
/// rate that takes their place if they cannot.
struct PicturePace {
    /// Closer pictures than this are no film: 1,000 Hz, with some room for rounded times.
    static let leastSpacingSeconds = 0.000_95
    private static let plausibleRates = 1.0...240.0

    /// Pictures per second by their times; nil when too few are known.
    let observedHertz: Double?
    /// The even rate of pictures whose times cannot be true; nil when the times are used.
    let inventedRate: AVRational?

    var isInvented: Bool { inventedRate != nil }

    init(film: Stream, look: StreamLook, sound: Stream?) {
        let times = Self.times(of: film, look)
        let base = film.pointer.pointee.time_base
        guard let first = times.first, let last = times.last, times.count > 1 else {
            (observedHertz, inventedRate) = (nil, nil)
            return
        }
        let spacing = Timeline.seconds(last &- first, base) / Double(times.count - 1)
        let length = spacing * Double(max(times.count, film.hasCompleteIndex ? film.statedPackets : 0))
        if spacing >= Self.leastSpacingSeconds, times.count <= 2 || length <= Timeline.maximumSeconds {
            observedHertz = times.count >= 8 ? 1 / Timeline.seconds(1, base) / Self.usualStep(times) : nil
            inventedRate = nil
        } else {
            observedHertz = nil
            inventedRate = Self.evenRate(film, sound)
        }
    }

    /// The mean step between times, without gaps, in ticks.
    private static func usualStep(_ times: [Int64]) -> Double {
        let steps = zip(times.dropFirst(), times).map { $0 &- $1 }.sorted()
        let median = max(steps[steps.count / 2], 1)
        let usual = steps.filter { $0 <= median &* 8 }
        return max(Double(usual.reduce(0, &+)) / Double(max(usual.count, 1)), 1e-9)
    }

    /// In order of time. From the container's index, or else those of the first packets.
    private static func times(of film: Stream, _ look: StreamLook) -> [Int64] {
        let count = min(avformat_index_get_entries_count(film.pointer), Int32(StreamLook.enoughPackets))
        // An index of keyframes alone tells nothing about the pictures between them.
        if film.hasCompleteIndex, count > 1 {
            return (0..<count).compactMap { avformat_index_get_entry(film.pointer, $0)?.pointee.timestamp }.sorted()
        }
        return (look.times[film.index] ?? []).sorted()
    }

    /// The file's own rate if it can be true, else the one at which the pictures last as long as the sound, else 25.
    private static func evenRate(_ film: Stream, _ sound: Stream?) -> AVRational {
        for rate in [film.pointer.pointee.avg_frame_rate, film.pointer.pointee.r_frame_rate]
        where rate.num > 0 && rate.den > 0 && plausibleRates.contains(Double(rate.num) / Double(rate.den)) {
            return rate
        }
        if film.statedPackets > 0, let seconds = sound?.statedSeconds, seconds > 0 {
            let hertz = Double(film.statedPackets) / seconds
            if plausibleRates.contains(hertz) { return AVRational(num: Int32((hertz * 1_000).rounded()), den: 1_000) }
        }
        return AVRational(num: 25, den: 1)
    }
}
