import CFFmpeg
import Glibc

/// Decodes one stream. Owned by one thread. Damaged packets are counted, not thrown.
final class StreamDecoder {
    private let codec: CodecContext
    /// Packets and frames that the decoder could not make sense of.
    private(set) var errorCount = 0
    private(set) var lastErrorCode: Int32 = 0

    init(stream: UnsafeMutablePointer<AVStream>, threads: Int) throws(MediaError) {
        guard let parameters = stream.pointee.codecpar else { throw .outOfMemory }
        let name = String(cString: avcodec_get_name(parameters.pointee.codec_id))
        guard let codec = Self.decoder(for: stream, parameters.pointee.codec_id) else {
            throw MediaError(
                code: .unsupported,
                message: "there is no decoder for \(name); convert the file, for example to H.264 in MP4",
                isRetriable: false
            )
        }
        self.codec = try CodecContext(codec)
        let context = self.codec.pointer
        var status = avcodec_parameters_to_context(context, parameters)
        if status >= 0 {
            context.pointee.pkt_timebase = stream.pointee.time_base
            context.pointee.thread_count = Int32(clamping: threads)
            context.pointee.max_pixels = OpenedInput.maximumPixels
            status = avcodec_open2(context, nil, nil)
        }
        guard status >= 0 else { throw .cannotDecode(name, status) }
    }

    /// Whether transparency beside VP8 or VP9 can be decoded: libvpx can, libav's own decoders cannot.
    static func canDecodeAlpha(_ codec: AVCodecID) -> Bool { alphaDecoder(codec) != nil }

    private static func decoder(
        for stream: UnsafeMutablePointer<AVStream>,
        _ codec: AVCodecID
    ) -> UnsafePointer<AVCodec>? {
        if Stream(stream)?.isTransparentVPx == true, let decoder = alphaDecoder(codec) { return decoder }
        return avcodec_find_decoder(codec)
    }

    private static func alphaDecoder(_ codec: AVCodecID) -> UnsafePointer<AVCodec>? {
        switch codec {
        case AV_CODEC_ID_VP8: avcodec_find_decoder_by_name("libvpx")
        case AV_CODEC_ID_VP9: avcodec_find_decoder_by_name("libvpx-vp9")
        default: nil
        }
    }

    /// Feeds one packet and hands out the frames that are ready.
    func decode(
        _ packet: borrowing Packet,
        deliver: (Frame) throws(MediaError) -> Void
    ) throws(MediaError) {
        try send(packet.pointer, deliver)
    }

    /// Hands out the frames that are still inside.
    func flush(deliver: (Frame) throws(MediaError) -> Void) throws(MediaError) {
        try send(nil, deliver)
    }

    private func send(
        _ packet: UnsafePointer<AVPacket>?,
        _ deliver: (Frame) throws(MediaError) -> Void
    ) throws(MediaError) {
        let context = codec.pointer
        let status = avcodec_send_packet(context, packet)
        if status < 0, status != shim_error_eof { try note(status) }
        // A decoder may report several damaged frames in a row, but not without end.
        var failures = 0
        while failures < 64 {
            let frame = try Frame()
            let status = avcodec_receive_frame(context, frame.pointer)
            if status == shim_error_again || status == shim_error_eof { return }
            if status < 0 {
                try note(status)
                failures += 1
                continue
            }
            try deliver(frame)
        }
    }

    private func note(_ status: Int32) throws(MediaError) {
        if status == shim_error(ENOMEM) { throw .outOfMemory }
        errorCount += 1
        lastErrorCode = status
    }
}

extension MediaError {
    fileprivate static func cannotDecode(_ codec: String, _ status: Int32) -> MediaError {
        if status == shim_error(ENOMEM) { return .outOfMemory }
        return MediaError(
            code: .unsupported,
            message:
                "the \(codec) stream cannot be decoded: \(words(for: status)); convert the file and submit it again",
            isRetriable: false,
            libavCode: status
        )
    }
}
