import CFFmpeg
import Glibc

/// Encodes pictures as JPEG. Owned by one thread.
final class JPEGEncoder {
    private let codec: CodecContext
    private let scaler: Scaler
    /// Pictures that were encoded: their times, as an encoder wants times that grow.
    private var count: Int64 = 0

    /// - Parameter quality: 1 (worst) to 100 (best).
    init(size: PictureSize, quality: Int, colors: ColorTags) throws(MediaError) {
        // JPEG files say nothing of the matrix: it is always BT.601 at full range.
        var jpegColors = colors
        jpegColors.matrix = AVCOL_SPC_SMPTE170M
        scaler = try Scaler(target: size, colors: jpegColors, isFullRange: true)
        codec = try CodecContext(avcodec_find_encoder(AV_CODEC_ID_MJPEG))
        let context = codec.pointer
        context.pointee.width = Int32(size.width)
        context.pointee.height = Int32(size.height)
        context.pointee.pix_fmt = AV_PIX_FMT_YUV420P
        context.pointee.color_range = AVCOL_RANGE_JPEG
        context.pointee.time_base = AVRational(num: 1, den: 1)
        context.pointee.thread_count = 1
        context.pointee.flags |= AV_CODEC_FLAG_QSCALE
        // The encoder's scale runs from 2 (best) to 31 (worst).
        let scale = 2 + (100 - Int32(clamping: min(max(quality, 1), 100))) * 29 / 99
        context.pointee.qmin = 1
        context.pointee.global_quality = scale * FF_QP2LAMBDA
        let status = avcodec_open2(context, nil, nil)
        guard status >= 0 else {
            throw .libav(status, doing: "opening the JPEG encoder at \(size.width)x\(size.height)")
        }
    }

    /// - Parameters:
    ///   - picture: upright.
    ///   - body: gets the bytes of the file.
    func encode(
        _ picture: Frame,
        body: (UnsafeRawBufferPointer) throws(MediaError) -> Void
    ) throws(MediaError) {
        let context = codec.pointer
        let frame = try scaler.scale(picture)
        frame.pointer.pointee.pts = count
        count += 1
        frame.pointer.pointee.pict_type = AV_PICTURE_TYPE_NONE
        frame.pointer.pointee.quality = context.pointee.global_quality
        let packet = try Packet()
        var status = avcodec_send_frame(context, frame.pointer)
        if status >= 0 { status = avcodec_receive_packet(context, packet.pointer) }
        guard status >= 0 else { throw .libav(status, doing: "encoding a thumbnail") }
        try body(UnsafeRawBufferPointer(start: packet.pointer.pointee.data, count: Int(packet.pointer.pointee.size)))
    }
}

/// Writes a whole file at once.
enum FileWriter {
    static func write(_ bytes: UnsafeRawBufferPointer, to path: String, fileName: String) throws(MediaError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .write(shim_error(errno), fileName: fileName) }
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let number = count < 0 ? errno : EIO
                close(descriptor)
                throw .write(shim_error(number), fileName: fileName)
            }
            written += count
        }
        guard close(descriptor) == 0 else { throw .write(shim_error(errno), fileName: fileName) }
    }
}
