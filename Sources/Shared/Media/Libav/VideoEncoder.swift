import CFFmpeg
import Threads

/// Encodes one rendition as H.264. Owned by one thread at a time.
final class VideoEncoder {
    struct Settings {
        var size: PictureSize
        var bitrateBitsPerSecond: Int
        var crf: Int
        var preset: String
        var threads: Int
        var timeBase: AVRational
        var framerate: AVRational
        var colors: ColorTags
    }

    private let codec: CodecContext
    private let packet: Packet
    /// The durations of the pictures inside the encoder, by presentation time: x264 does not carry them through.
    private var durations: [Int64: Int64] = [:]

    init(_ settings: Settings) throws(MediaError) {
        packet = try Packet()
        guard let codec = avcodec_find_encoder_by_name("libx264") else {
            throw MediaError(
                code: .internalFailure,
                message: "libav was built without libx264; install Debian's libavcodec59",
                isRetriable: false
            )
        }
        self.codec = try CodecContext(codec)
        let context = self.codec.pointer
        Self.configure(context, settings)
        // x264 makes its threads here.
        let status = ThreadName.with(Self.threadName(settings.size)) {
            avcodec_open2(context, nil, nil)
        }
        guard status >= 0 else {
            throw .libav(status, doing: "opening the H.264 encoder at \(settings.size.width)x\(settings.size.height)")
        }
    }

    var context: UnsafeMutablePointer<AVCodecContext> { codec.pointer }

    /// The name of the thread that encodes pictures of this size, and of the threads that x264 makes for it.
    static func threadName(_ size: PictureSize) -> String { "x264 \(size.width)x\(size.height)" }

    /// Encodes a picture, and hands out the packets that are ready.
    func encode(
        _ frame: Frame,
        deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        durations[frame.ticks] = shim_frame_duration(frame.pointer)
        try send(frame.pointer, deliver)
    }

    /// Hands out the packets that are still inside.
    func flush(deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void) throws(MediaError) {
        try send(nil, deliver)
    }

    private func send(
        _ frame: UnsafePointer<AVFrame>?,
        _ deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        try codec.encode(frame, into: packet, doing: "encoding video") { packet throws(MediaError) in
            packet.pointee.duration = durations.removeValue(forKey: packet.pointee.pts) ?? 0
            try deliver(packet)
        }
    }

    private static func configure(_ context: UnsafeMutablePointer<AVCodecContext>, _ settings: Settings) {
        context.pointee.width = Int32(settings.size.width)
        context.pointee.height = Int32(settings.size.height)
        context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        context.pointee.time_base = settings.timeBase
        context.pointee.framerate = settings.framerate
        context.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        context.pointee.color_range = AVCOL_RANGE_MPEG
        context.pointee.colorspace = settings.colors.matrix
        context.pointee.color_primaries = settings.colors.primaries
        context.pointee.color_trc = settings.colors.transfer
        context.pointee.thread_count = Int32(clamping: settings.threads)
        context.pointee.rc_max_rate = Int64(settings.bitrateBitsPerSecond)
        context.pointee.rc_buffer_size = Int32(clamping: settings.bitrateBitsPerSecond * 2)
        context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        // Keyframes are placed by the pipeline, at the same times in every rendition: none of x264's own.
        context.pointee.gop_size = 1 << 30
        guard let options = context.pointee.priv_data else { return }
        av_opt_set(options, "preset", settings.preset, 0)
        av_opt_set(options, "crf", "\(settings.crf)", 0)
        av_opt_set(options, "forced-idr", "1", 0)
        av_opt_set(options, "a53cc", "0", 0)
        av_opt_set(options, "x264-params", "scenecut=0:open-gop=0", 0)
    }
}
