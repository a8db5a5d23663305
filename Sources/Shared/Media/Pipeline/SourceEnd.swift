import CFFmpeg

/// Whether a source really goes as far as its container says. libav reports the end of a cut-off file like any other.
struct SourceEnd {
    private let timeline: Timeline
    /// The end of the pictures by the container, or else the end of the file; seconds since zero.
    private let statedSeconds: Double
    private let isOfPictures: Bool
    /// Something besides the missing time says that the file was cut off: stated durations alone may be wrong.
    private var isProven: Bool
    private var lastPacketSeconds = 0.0

    init(input: MediaInput, timeline: Timeline, durationSeconds: Double) {
        self.timeline = timeline
        let (start, duration) = (input.video.pointee.start_time, input.video.pointee.duration)
        let base = input.video.pointee.time_base
        let end = start != shim_nopts && duration != shim_nopts && duration > 0 ? start &+ duration : shim_nopts
        if input.pace.isInvented {
            (statedSeconds, isOfPictures) = (0, false)
        } else if let ticks = timeline.ticks(end, in: base, to: base), ticks > 0 {
            // Times that run on for hours after the last picture are not content that is missing.
            statedSeconds = min(Timeline.seconds(ticks, base), durationSeconds)
            isOfPictures = true
        } else {
            statedSeconds = durationSeconds
            isOfPictures = false
        }
        // Matroska says nothing but "end of file", and its durations are right.
        isProven = input.container.hasPrefix("matroska") || Self.indexExceedsFile(input)
    }

    mutating func note(_ packet: borrowing Packet, base: AVRational) {
        if packet.pointer.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 { isProven = true }
        guard let ticks = timeline.ticks(packet.pointer.pointee.pts, in: base, to: base) else { return }
        let duration = Timeline.seconds(max(0, packet.pointer.pointee.duration), base)
        let end = Timeline.seconds(ticks, base) + min(duration, VideoClock.longestPictureSeconds)
        lastPacketSeconds = max(lastPacketSeconds, end)
    }

    mutating func noteReadError() {
        isProven = true
    }

    /// The share of the stated time that is not there, 0 to 1.
    ///
    /// - Parameter pictureEndSeconds: the end of the last decoded picture.
    func missingShare(pictureEndSeconds: Double) -> Double {
        guard isProven, statedSeconds > 0 else { return 0 }
        let reached = isOfPictures ? pictureEndSeconds : max(pictureEndSeconds, lastPacketSeconds)
        return min(max(1 - reached / statedSeconds, 0), 1)
    }

    private static func indexExceedsFile(_ input: MediaInput) -> Bool {
        let count = avformat_index_get_entries_count(input.video)
        guard count > 0, let entry = avformat_index_get_entry(input.video, count - 1) else { return false }
        let (end, overflow) = entry.pointee.pos.addingReportingOverflow(Int64(entry.pointee.size))
        return overflow || end > input.fileSizeBytes
    }
}
