import CFFmpeg

/// One stream of the source on its way into `original` without decoding. Owned by the reading thread.
final class CopyTrack {
    private let output: MP4Output
    private let streamIndex: Int
    private let base: AVRational
    private let timeline: Timeline
    private let isVideo: Bool
    private var hasStarted: Bool
    /// Packets that could not be copied: without any time, or refused by the muxer.
    private(set) var errorCount = 0
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
        do {
            try output.write(pointer, stream: streamIndex, base: base, zero: timeline.zero(in: base))
            hasStarted = true
        } catch {
            // The muxer refuses a packet that it cannot parse; a disk that fails is another matter.
            guard error.code == .internalFailure else { throw error }
            errorCount += 1
        }
    }
}
