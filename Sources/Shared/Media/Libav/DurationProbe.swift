import CFFmpeg
import Glibc

/// Finds the length of a source: from its container where that agrees with its index, or else by a scan of all packets.
enum DurationProbe {
    /// A source that says it is longer than its bits are likely to last is scanned.
    private static let leastBitsPerSecond = 16_000.0

    /// The length in seconds. Reads the input to its end when it has to scan.
    static func seconds(of input: MediaInput) throws(MediaError) -> Double {
        if let stated = stated(input), isConfirmed(stated, input) { return stated }
        return try scan(input)
    }

    /// What the container states, in seconds; nil when it states nothing, or what cannot be true.
    static func stated(_ input: MediaInput) -> Double? {
        let context = input.context.pointee
        let isGuess = context.duration_estimation_method == AVFMT_DURATION_FROM_BITRATE
        guard context.duration != shim_nopts, context.duration > 0, !isGuess else { return nil }
        let stated = Timeline.seconds(context.duration, Timeline.microseconds)
        return stated <= Timeline.maximumSeconds ? stated : nil
    }

    /// Whether the file's own index, or its size, agrees.
    private static func isConfirmed(_ stated: Double, _ input: MediaInput) -> Bool {
        // Streams that were recorded by joining pieces say nothing of the whole.
        let isJoined = shim_input_has_discontinuities(input.context) != 0 || input.container.contains("flv")
        guard !input.pace.isInvented, !isJoined else { return false }
        // A last picture of hours may be in its stream's duration alone.
        if let seconds = Stream(input.video)?.statedSeconds, seconds > stated + VideoClock.longestPictureSeconds {
            return false
        }
        let ends = [input.video, input.audio].compactMap { $0 }.map(indexEnd)
        guard let end = ends.compactMap({ $0 }).max() else {
            return Double(input.fileSizeBytes) * 8 / stated >= leastBitsPerSecond
        }
        // An index of keyframes ends before the film does.
        return abs(stated - end.seconds) <= (end.isComplete ? 10 : 30) && end.longestStep <= (end.isComplete ? 10 : 60)
    }

    private struct IndexEnd: Comparable {
        var seconds: Double
        var longestStep: Double
        var isComplete: Bool

        static func < (one: IndexEnd, other: IndexEnd) -> Bool { one.seconds < other.seconds }
    }

    /// The last time of a stream's index, from its first; nil when it has none.
    private static func indexEnd(_ stream: UnsafeMutablePointer<AVStream>) -> IndexEnd? {
        let count = avformat_index_get_entries_count(stream)
        guard count > 1, let first = avformat_index_get_entry(stream, 0)?.pointee.timestamp,
            let last = avformat_index_get_entry(stream, count - 1)?.pointee.timestamp
        else { return nil }
        let base = stream.pointee.time_base
        var (longest, before) = (Int64(0), first)
        for index in 1..<count {
            guard let time = avformat_index_get_entry(stream, index)?.pointee.timestamp else { continue }
            longest = max(longest, time &- before)
            before = time
        }
        return IndexEnd(
            seconds: Timeline.seconds(last &- first, base),
            longestStep: Timeline.seconds(longest, base),
            isComplete: stream.pointee.nb_frames > 0 && Int64(count) >= stream.pointee.nb_frames
        )
    }

    private static func scan(_ input: MediaInput) throws(MediaError) -> Double {
        let packet = try Packet()
        var filter = TimeFilter(input: input)
        var lengths = PacketLengths(video: input.video.pointee.index, isInvented: input.pace.isInvented)
        var failures = 0
        while failures < SourceReader.maximumFailures {
            try input.checkpoint()
            let status = input.read(into: packet)
            if status == shim_error_eof { break }
            if status == shim_error(ENOMEM) { throw .outOfMemory }
            guard status >= 0 else {
                failures += 1
                continue
            }
            failures = 0
            guard let base = input.stream(of: packet)?.pointee.time_base else { continue }
            filter.apply(to: packet, base: base)
            lengths.note(packet, base: base)
        }
        try input.checkpoint()
        let rate = VideoClock.framerate(of: input)
        return lengths.seconds(at: Double(rate.num) / Double(max(rate.den, 1)))
    }
}

/// The length of a source by its packets.
private struct PacketLengths {
    let video: Int32
    let isInvented: Bool
    private var first: Double?
    /// The latest start of a packet, and the end of that packet; of pictures and of sound.
    private var lastPicture: Double?
    private var lastSound: Double?
    private var (pictureEnd, soundEnd) = (0.0, 0.0)
    private var longestInterval = 0.0
    private var pictures = 0
    private var timedPictures = 0

    init(video: Int32, isInvented: Bool) {
        self.video = video
        self.isInvented = isInvented
    }

    mutating func note(_ packet: borrowing Packet, base: AVRational) {
        let isPicture = packet.pointer.pointee.stream_index == video
        if isPicture { pictures += 1 }
        let time = packet.pointer.pointee.pts != shim_nopts ? packet.pointer.pointee.pts : packet.pointer.pointee.dts
        guard time != shim_nopts, !(isPicture && isInvented) else { return }
        let start = Timeline.seconds(time, base)
        guard abs(start - (first ?? start)) <= Timeline.maximumSeconds else { return }
        var duration = Timeline.seconds(max(0, packet.pointer.pointee.duration), base)
        if isPicture {
            timedPictures += 1
            if let before = lastPicture { longestInterval = max(longestInterval, start - before) }
            duration = min(duration, max(longestInterval, VideoClock.longestPictureSeconds))
            if start >= lastPicture ?? start { (lastPicture, pictureEnd) = (start, start + duration) }
        } else {
            duration = min(duration, VideoClock.longestPictureSeconds)
            if start >= lastSound ?? start { (lastSound, soundEnd) = (start, start + duration) }
        }
        first = min(first ?? start, start)
    }

    func seconds(at hertz: Double) -> Double {
        let counted = Double(pictures) / max(hertz, 0.001)
        let end = max(lastPicture == nil ? 0 : pictureEnd, lastSound == nil ? 0 : soundEnd)
        let timed = first.map { end - $0 } ?? 0
        if isInvented { return max(counted, timed, 0.001) }
        // A raw stream has times for only some of its pictures; then the number of pictures tells the length better.
        return timed > 0 && timedPictures * 2 >= pictures ? timed : max(counted, 0.001)
    }
}
