import CFFmpeg

/// One owned AVCodecContext: the state of a decoder or an encoder.
struct CodecContext: ~Copyable {
    let pointer: UnsafeMutablePointer<AVCodecContext>

    /// Makes a context to be configured and then opened with `avcodec_open2`.
    ///
    /// - Parameter codec: nil counts as out of memory: libav always has the built-in codecs that callers ask it for.
    init(_ codec: UnsafePointer<AVCodec>?) throws(MediaError) {
        guard let codec, let pointer = avcodec_alloc_context3(codec) else { throw .outOfMemory }
        self.pointer = pointer
    }

    deinit {
        var pointer: UnsafeMutablePointer<AVCodecContext>? = pointer
        avcodec_free_context(&pointer)
    }

    /// Feeds an encoder one frame, nil for the end, and hands out the packets that are ready.
    ///
    /// - Parameters:
    ///   - packet: holds one packet after the other.
    ///   - task: for the error's message, such as `encoding video`.
    func encode(
        _ frame: UnsafePointer<AVFrame>?,
        into packet: borrowing Packet,
        doing task: String,
        deliver: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
    ) throws(MediaError) {
        let status = avcodec_send_frame(pointer, frame)
        guard status >= 0 else { throw .libav(status, doing: task) }
        while true {
            let status = avcodec_receive_packet(pointer, packet.pointer)
            if status == shim_error_again || status == shim_error_eof { return }
            guard status >= 0 else { throw .libav(status, doing: task) }
            try deliver(packet.pointer)
        }
    }
}
