import CFFmpeg

/// One stream of the source on its way into `original` without decoding. Owned by the reading thread.
final class CopyTrack {
    private let output: MP4Output
    private let streamIndex: Int
    private let base: AVRational
    private let timeline: Timeline
    private let isVideo: Bool
    private var hasStarted: Bool
    private var lastTime: Int64?
    private var longestInterval: Int64 = 0
    /// Packets without a time that can be true.
    private var errorCount = 0
    private(set) var packetCount = 0

    init(output: MP4Output, streamIndex: Int, source: UnsafePointer<AVStream>, timeline: Timeline) {
        self.output = output
        self.streamIndex = streamIndex
        self.timeline = timeline
        base = source.pointee.time_base
        isVideo = source.pointee.codecpar?.pointee.codec_type == AVMEDIA_TYPE_VIDEO
        hasStarted = !isVideo
    }

    /// The packet may get a missing time; otherwise it stays as it is.
    func write(_ packet: borrowing Packet) throws(MediaError) {
        let pointer = packet.pointer
        // Nothing can be shown before the first keyframe.
        if !hasStarted, pointer.pointee.flags & AV_PKT_FLAG_KEY == 0 { return }
        packetCount += 1
        if pointer.pointee.dts == shim_nopts { pointer.pointee.dts = pointer.pointee.pts }
        if pointer.pointee.pts == shim_nopts { pointer.pointee.pts = pointer.pointee.dts }
        guard timeline.ticks(pointer.pointee.pts, in: base, to: base) != nil,
            timeline.ticks(pointer.pointee.dts, in: base, to: base) != nil
        else {
            errorCount += 1
            return
        }
        // The last packet may state hours; see ``VideoClock/longestPictureSeconds``.
        if let lastTime { longestInterval = max(longestInterval, pointer.pointee.dts &- lastTime) }
        lastTime = pointer.pointee.dts
        let longestSeconds = isVideo ? VideoClock.longestPictureSeconds : 1
        let longest = Int64(longestSeconds * Double(base.den) / Double(max(base.num, 1)))
        pointer.pointee.duration = min(pointer.pointee.duration, max(longest, longestInterval))
        try output.write(pointer, stream: streamIndex, base: base, zero: timeline.zero(in: base))
        hasStarted = true
    }

    /// Packets that are not in the file: without a time that can be true, or refused by the muxer.
    var lostCount: Int { errorCount + output.refusals(ofStream: streamIndex).count }
    /// The muxer's last refusal; 0 when there was none.
    var lastRefusal: Int32 { output.refusals(ofStream: streamIndex).lastCode }
}
