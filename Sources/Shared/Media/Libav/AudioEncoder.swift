import CFFmpeg

/// Encodes planar floating-point samples as AAC. Owned by one thread.
final class AudioEncoder {
    private let codec: CodecContext
    private let packet: Packet

    /// Rates that AAC has, up to the highest that is of use.
    private static let sampleRates: [Int] = [
        8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
    ]

    /// - Parameters:
    ///   - sampleRate: of the source, in Hz; kept if AAC has it, else 48 kHz.
    ///   - channels: of the source; more than one become stereo.
    init(sampleRate: Int, channels: Int, bitrateBitsPerSecond: Int) throws(MediaError) {
        packet = try Packet()
        codec = try CodecContext(avcodec_find_encoder(AV_CODEC_ID_AAC))
        let context = codec.pointer
        context.pointee.sample_fmt = AV_SAMPLE_FMT_FLTP
        let rate = Self.sampleRates.contains(sampleRate) ? Int32(sampleRate) : 48_000
        context.pointee.sample_rate = rate
        context.pointee.time_base = AVRational(num: 1, den: rate)
        context.pointee.bit_rate = Int64(bitrateBitsPerSecond)
        context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        context.pointee.thread_count = 1
        av_channel_layout_default(&context.pointee.ch_layout, channels == 1 ? 1 : 2)
        let status = avcodec_open2(context, nil, nil)
        guard status >= 0 else { throw .libav(status, doing: "opening the AAC encoder at \(rate) Hz") }
    }

    var context: UnsafeMutablePointer<AVCodecContext> { codec.pointer }
    var sampleRate: Int32 { context.pointee.sample_rate }
    /// Samples per channel in a full frame.
    var frameSize: Int32 { context.pointee.frame_size > 0 ? context.pointee.frame_size : 1_024 }

    /// - Parameter frame: `frameSize` samples, or fewer in the last one; nil for the end.
    func encode(
        _ frame: Frame?,
        deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        try codec.encode(frame?.pointer, into: packet, doing: "encoding sound", deliver: deliver)
    }
}
