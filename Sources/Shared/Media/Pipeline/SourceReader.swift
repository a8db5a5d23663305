import CFFmpeg
import Glibc

/// Reads and decodes the source once, on the calling thread, and feeds everything else.
final class SourceReader {
    /// Failed reads in a row after which the rest counts as lost.
    static let maximumFailures = 100

    private let input: MediaInput
    private let decoder: StreamDecoder
    private let state: RunState
    private let durationSeconds: Double
    private var clock: VideoClock
    private var limiter: RateLimiter
    private var times: TimeFilter
    private var firstTicks: Int64?
    private var end: SourceEnd
    private(set) var readErrors = 0
    private(set) var decodedFrames = 0
    private(set) var droppedFrames = 0
    private(set) var damagedFrames = 0

    /// - Parameter limiter: of the rate of outputs.
    init(
        input: MediaInput,
        timeline: Timeline,
        limiter: RateLimiter,
        threads: Int,
        durationSeconds: Double,
        state: RunState
    ) throws(MediaError) {
        self.input = input
        self.state = state
        self.durationSeconds = durationSeconds
        decoder = try StreamDecoder(stream: input.video, threads: threads)
        clock = VideoClock(input: input, timeline: timeline)
        self.limiter = limiter
        times = TimeFilter(input: input)
        end = SourceEnd(input: input, timeline: timeline, durationSeconds: durationSeconds)
    }

    var decodeErrors: Int { decoder.errorCount }
    var lastErrorCode: Int32 { decoder.lastErrorCode }
    /// Jumps and gaps of the source's times that were closed.
    var closedGaps: Int { times.closed }
    /// The share of the stated time that the file was cut off by, 0 to 1.
    var missingShare: Double { end.missingShare(pictureEndSeconds: clock.endSeconds) }

    /// From the first picture to the end of the last one.
    var videoDurationSeconds: Double {
        clock.endSeconds - Timeline.seconds(firstTicks ?? 0, clock.base)
    }

    /// - Parameters:
    ///   - video: gets every packet of the picture, before it is decoded.
    ///   - audio: gets every packet of the sound.
    ///   - picture: gets every decoded picture, with its time. Returns false when nobody wants more.
    func run(
        video: (borrowing Packet) throws(MediaError) -> Void,
        audio: (borrowing Packet) throws(MediaError) -> Void,
        picture: (Frame) -> Bool
    ) throws(MediaError) {
        let packet = try Packet()
        var failures = 0
        while failures < Self.maximumFailures {
            try state.checkpoint()
            let status = input.read(into: packet)
            if status == shim_error_eof { break }
            guard status >= 0 else {
                try note(status)
                failures += 1
                continue
            }
            failures = 0
            let isPicture = packet.pointer.pointee.stream_index == input.video.pointee.index
            guard let base = input.stream(of: packet)?.pointee.time_base else { continue }
            times.apply(to: packet, base: base)
            end.note(packet, base: base)
            if isPicture {
                try video(packet)
                try decoder.decode(packet) { frame throws(MediaError) in try deliver(frame, to: picture) }
            } else {
                try audio(packet)
            }
        }
        try decoder.flush { frame throws(MediaError) in try deliver(frame, to: picture) }
        if let frame = limiter.flush(), !picture(frame) { throw state.firstFailure ?? .cancelled }
    }

    private func deliver(_ frame: Frame, to picture: (Frame) -> Bool) throws(MediaError) {
        decodedFrames += 1
        if decodedFrames == 1, shim_frame_is_dolby_vision_5(frame.pointer) != 0 { throw DolbyVision.notCompatible(5) }
        state.countDecodedPicture()
        // One packet may hold any number of pictures, and the end brings all that are still inside.
        try state.checkpoint()
        let flags = frame.pointer.pointee.flags & AV_FRAME_FLAG_CORRUPT
        if flags != 0 || frame.pointer.pointee.decode_error_flags != 0 { damagedFrames += 1 }
        guard PictureSize.sides.contains(frame.size.width), PictureSize.sides.contains(frame.size.height),
            clock.stamp(frame)
        else {
            droppedFrames += 1
            return
        }
        if firstTicks == nil { firstTicks = frame.ticks }
        guard let frame = limiter.pass(frame) else { return }
        guard picture(frame) else { throw state.firstFailure ?? .cancelled }
        // The last steps are for the encoders' queues and the files' indexes.
        if durationSeconds > 0 { state.report(progress: min(0.99, clock.endSeconds / durationSeconds)) }
    }

    private func note(_ status: Int32) throws(MediaError) {
        if status == shim_error_exit { throw state.firstFailure ?? .cancelled }
        if status == shim_error(ENOMEM) { throw .outOfMemory }
        if let number = input.diskErrorNumber { throw .diskFailed(number, status) }
        readErrors += 1
        end.noteReadError()
    }
}
