import CFFmpeg

/// Makes the times of a source continuous: across the jumps of transport streams and joined files (a splice, a
/// restarted encoder), and across gaps of hours that come from damage.
///
/// The first stream that jumps decides how far times are moved; the others, when they come to the same place, are moved
/// as far, so that sound and picture stay together. All times here are in microseconds.
struct TimeFilter {
    private struct StreamState {
        /// Start and end of the last packet, moved.
        var start: Int64
        var end: Int64
        /// From packet to packet, as far as they were continuous.
        var step: Int64
        var segment: Int
    }

    /// A stretch of the file whose times belong together.
    private struct Segment {
        /// As it stands in the file.
        var start: Int64
        var offset: Int64
    }

    /// Times that go on within this are continuous.
    private static let threshold: Int64 = 10_000_000
    /// Decode times never go back within a segment; that much is rounding.
    private static let backwards: Int64 = 500_000
    /// Gaps with sound beside them have to be filled with silence: they are kept up to this length, and up to three
    /// times that together.
    private static let longestSilence: Int64 = 600_000_000
    /// How far apart two packets may be placed if no others are known.
    private static let longestFirstStep: Int64 = 1_000_000
    /// Other streams are no further behind. A file may jump with every packet, so not all segments are looked at.
    private static let nearSegments = 64
    /// Where the container states no duration.
    private static let longestUnstated: Int64 = 60_000_000

    private let isTransportStream: Bool
    private let hasSound: Bool
    /// Pictures whose times are not used at all.
    private let ignored: Int32?
    /// The end of the source by its container, with some grace; nil when it does not say.
    private let statedEnd: Int64?
    private var segments: [Segment] = []
    private var streams: [Int32: StreamState] = [:]
    /// The furthest end of any stream.
    private var end: Int64?
    private var keptGaps: Int64 = 0
    /// Gaps and jumps that were closed.
    private(set) var closed = 0

    init(input: MediaInput) {
        isTransportStream = shim_input_has_discontinuities(input.context) != 0
        hasSound = input.audio != nil
        ignored = input.pace.isInvented ? input.video.pointee.index : nil
        statedEnd = DurationProbe.stated(input).map { Int64($0 * 1_000_000) + Self.threshold }
    }

    mutating func apply(to packet: borrowing Packet, base: AVRational) {
        let pointer = packet.pointer
        guard pointer.pointee.stream_index != ignored else { return }
        let time = pointer.pointee.dts != shim_nopts ? pointer.pointee.dts : pointer.pointee.pts
        guard time != shim_nopts, let raw = Self.microseconds(time, base) else { return }
        let duration = min(Self.microseconds(max(pointer.pointee.duration, 0), base) ?? 0, Self.threshold)
        let index = pointer.pointee.stream_index
        let segment = segment(of: raw, index, isDecodeTime: pointer.pointee.dts != shim_nopts)
        let moved = raw &+ segments[segment].offset
        let streamEnd = moved &+ duration
        let before = streams[index].flatMap { $0.segment == segment ? $0 : nil }
        let step = before.map { moved &- $0.start } ?? 0
        let isUsual = step > 0 && step <= Self.threshold
        streams[index] = StreamState(
            start: moved,
            end: max(before?.end ?? streamEnd, streamEnd),
            step: isUsual ? step : streams[index]?.step ?? min(duration, Self.longestFirstStep),
            segment: segment
        )
        end = max(end ?? streamEnd, streamEnd)
        let offset = segments[segment].offset
        guard offset != 0 else { return }
        let shift = av_rescale_q(offset, Timeline.microseconds, base)
        if pointer.pointee.dts != shim_nopts { pointer.pointee.dts &+= shift }
        if pointer.pointee.pts != shim_nopts { pointer.pointee.pts &+= shift }
    }

    /// The segment that a packet belongs to; begins one where times jump.
    private mutating func segment(of raw: Int64, _ index: Int32, isDecodeTime: Bool) -> Int {
        guard let furthest = end, !segments.isEmpty else {
            segments = [Segment(start: raw, offset: 0)]
            return 0
        }
        let state = streams[index]
        let current = state?.segment ?? 0
        let moved = raw &+ segments[current].offset
        let expected = state?.end ?? furthest
        // What a packet states as its duration may be anything; the next one's time counts.
        let next = state.map { $0.start &+ $0.step } ?? expected
        if let state, moved < state.start &- (isDecodeTime ? Self.backwards : Self.threshold) {
            return jump(raw, from: current, min(expected, next))
        }
        // Another stream may have gone on meanwhile; only where nothing at all happened is a gap.
        let gap = moved &- max(expected, furthest)
        guard gap > Self.threshold, !keeps(gap, until: moved) else { return current }
        return jump(raw, from: current, min(expected, next))
    }

    private mutating func jump(_ raw: Int64, from current: Int, _ expected: Int64) -> Int {
        for index in segments.indices.suffix(Self.nearSegments).reversed() where index != current {
            let distance = abs((raw &+ segments[index].offset &- expected).clamped)
            // A later segment is where another stream jumped to; an earlier one is gone back to after a stray time.
            if distance <= (index > current ? Self.threshold : Self.backwards) { return index }
        }
        closed += 1
        segments.append(Segment(start: raw, offset: expected &- raw))
        return segments.count - 1
    }

    /// Whether a gap is meant: within what the container states, and not much silence to make.
    private mutating func keeps(_ gap: Int64, until end: Int64) -> Bool {
        guard !isTransportStream else { return false }
        let start = segments.first?.start ?? 0
        if let statedEnd {
            guard end &- start <= statedEnd else { return false }
            guard hasSound else { return true }
        } else if gap > Self.longestUnstated {
            return false
        }
        guard gap <= Self.longestSilence, keptGaps &+ gap <= 3 * Self.longestSilence else { return false }
        keptGaps &+= gap
        return true
    }

    /// Nil for a time that cannot be true.
    private static func microseconds(_ time: Int64, _ base: AVRational) -> Int64? {
        guard base.num > 0, base.den > 0, abs(Timeline.seconds(time, base)) < 1e12 else { return nil }
        return av_rescale_q(time, base, Timeline.microseconds)
    }
}

extension Int64 {
    /// Without the one value whose magnitude does not fit.
    fileprivate var clamped: Int64 { Swift.max(self, -Int64.max) }
}
