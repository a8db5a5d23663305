import CFFmpeg

/// Scales pictures to one size and format, whatever they come as: 8-bit 4:2:0 of limited range, if nothing else is
/// asked for. Owned by one thread.
final class Scaler {
    /// The properties of a source that the scaler is built for; a change needs a new scaler.
    private struct SourceShape: Equatable {
        var size: PictureSize
        var format: Int32
        var isFullRange: Bool
        var coefficients: Int32
    }

    private let target: PictureSize
    private let isFullRange: Bool
    private let colors: ColorTags
    private let format: AVPixelFormat
    private let keepsMatrix: Bool
    private let pool: FramePool
    private var context: OpaquePointer?
    private var shape: SourceShape?

    /// - Parameter keepsMatrix: whether the luma stays that of the source, whatever `colors` say.
    init(
        target: PictureSize,
        colors: ColorTags,
        isFullRange: Bool = false,
        format: AVPixelFormat = AV_PIX_FMT_YUV420P,
        keepsMatrix: Bool = false
    ) throws(MediaError) {
        self.format = format
        self.keepsMatrix = keepsMatrix
        self.target = target
        self.colors = colors
        self.isFullRange = isFullRange
        pool = try FramePool(size: target, format: format)
    }

    deinit {
        sws_freeContext(context)
    }

    /// True when `scale` would return the same picture.
    func isIdentity(for frame: Frame) -> Bool {
        frame.size == target && frame.pointer.pointee.format == AV_PIX_FMT_YUV420P.rawValue
            && (ColorTags.scalerIndex(of: frame.pointer.pointee.colorspace) ?? matrixIndex) == matrixIndex
            && !Self.isFullRange(frame) && !isFullRange
    }

    func scale(_ source: Frame) throws(MediaError) -> Frame {
        let shape = SourceShape(
            size: source.size,
            format: Self.plainFormat(source.pointer.pointee.format),
            isFullRange: Self.isFullRange(source),
            coefficients: keepsMatrix
                ? ColorTags.scalerIndex(of: SourceColor(of: source).lumaMatrix) ?? matrixIndex
                : ColorTags.scalerIndex(of: source.pointer.pointee.colorspace) ?? matrixIndex
        )
        if shape != self.shape {
            sws_freeContext(context)
            context = nil
            self.shape = nil
            context = try make(shape)
            self.shape = shape
        }
        let result = try pool.take()
        let status = shim_scale(context, source.pointer, result.pointer)
        guard status >= 0 else { throw .libav(status, doing: "scaling to \(target.width)x\(target.height)") }
        result.copyTimes(of: source)
        result.pointer.pointee.colorspace = colors.matrix
        result.pointer.pointee.color_range = isFullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG
        return result
    }

    private var matrixIndex: Int32 { ColorTags.scalerIndex(of: colors.matrix) ?? SWS_CS_DEFAULT }

    private func make(_ shape: SourceShape) throws(MediaError) -> OpaquePointer {
        guard sws_isSupportedInput(AVPixelFormat(rawValue: shape.format)) > 0 else {
            let name = av_get_pix_fmt_name(AVPixelFormat(rawValue: shape.format)).map { String(cString: $0) }
            throw MediaError(
                code: .unsupported,
                message: "pictures of format \(name ?? "\(shape.format)") cannot be converted: convert the file",
                isRetriable: false
            )
        }
        guard let context = sws_alloc_context() else { throw .outOfMemory }
        let object = UnsafeMutableRawPointer(context)
        av_opt_set_int(object, "srcw", Int64(shape.size.width), 0)
        av_opt_set_int(object, "srch", Int64(shape.size.height), 0)
        av_opt_set_int(object, "src_format", Int64(shape.format), 0)
        av_opt_set_int(object, "dstw", Int64(target.width), 0)
        av_opt_set_int(object, "dsth", Int64(target.height), 0)
        av_opt_set_int(object, "dst_format", Int64(format.rawValue), 0)
        // The range has to be known here already, or a plain copy may be chosen where a conversion is needed.
        av_opt_set_int(object, "src_range", shape.isFullRange ? 1 : 0, 0)
        av_opt_set_int(object, "dst_range", isFullRange ? 1 : 0, 0)
        av_opt_set_int(object, "sws_flags", Int64(SWS_BICUBIC), 0)
        let status = sws_init_context(context, nil, nil)
        guard status >= 0 else {
            sws_freeContext(context)
            throw .libav(status, doing: "preparing to scale \(shape.size.width)x\(shape.size.height) pictures")
        }
        let coefficients = sws_getCoefficients(keepsMatrix ? shape.coefficients : matrixIndex)
        // A refusal means that this pair of formats needs no matrix.
        _ = sws_setColorspaceDetails(
            context,
            sws_getCoefficients(shape.coefficients),
            shape.isFullRange ? 1 : 0,
            coefficients,
            isFullRange ? 1 : 0,
            0,
            1 << 16,
            1 << 16
        )
        return context
    }

    private static func isFullRange(_ frame: Frame) -> Bool {
        let format = frame.pointer.pointee.format
        return frame.pointer.pointee.color_range == AVCOL_RANGE_JPEG || plainFormat(format) != format
    }

    /// Some formats have a twin whose name says "full range"; the twins are deprecated, the range is told apart.
    private static func plainFormat(_ format: Int32) -> Int32 {
        switch AVPixelFormat(rawValue: format) {
        case AV_PIX_FMT_YUVJ420P: AV_PIX_FMT_YUV420P.rawValue
        case AV_PIX_FMT_YUVJ422P: AV_PIX_FMT_YUV422P.rawValue
        case AV_PIX_FMT_YUVJ444P: AV_PIX_FMT_YUV444P.rawValue
        case AV_PIX_FMT_YUVJ440P: AV_PIX_FMT_YUV440P.rawValue
        case AV_PIX_FMT_YUVJ411P: AV_PIX_FMT_YUV411P.rawValue
        default: format
        }
    }
}
