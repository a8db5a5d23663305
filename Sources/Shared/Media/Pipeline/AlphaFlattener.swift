import CFFmpeg

/// Lays transparent pictures over one colour: black. Owned by one thread.
final class AlphaFlattener {
    private var scaler: Scaler?
    private var size = PictureSize(width: 0, height: 0)
    private let colors: ColorTags

    init(colors: ColorTags) {
        self.colors = colors
    }

    static func isTransparent(_ format: AVPixelFormat) -> Bool {
        guard let descriptor = av_pix_fmt_desc_get(format) else { return false }
        // AV_PIX_FMT_FLAG_ALPHA
        return descriptor.pointee.flags & (1 << 7) != 0
    }

    /// The same picture if nothing of it can be transparent.
    func flatten(_ source: Frame) throws(MediaError) -> Frame {
        guard Self.isTransparent(AVPixelFormat(rawValue: source.pointer.pointee.format)) else { return source }
        if scaler == nil || size != source.size {
            scaler = try Scaler(target: source.size, colors: colors, format: AV_PIX_FMT_RGBA)
            size = source.size
        }
        guard let scaler else { return source }
        let result = try scaler.scale(source)
        guard let pixels = shim_frame_plane(result.pointer, 0) else {
            throw .libav(shim_error_invalid_data, doing: "laying a picture over black")
        }
        let stride = Int(shim_frame_stride(result.pointer, 0))
        for row in 0..<size.height {
            var pixel = pixels + row * stride
            for _ in 0..<size.width {
                let alpha = UInt32(pixel[3])
                if alpha < 255 {
                    for component in 0..<3 {
                        pixel[component] = UInt8(truncatingIfNeeded: (UInt32(pixel[component]) &* alpha &+ 127) / 255)
                    }
                }
                pixel += 4
            }
        }
        result.pointer.pointee.format = AV_PIX_FMT_RGB0.rawValue
        result.pointer.pointee.colorspace = AVCOL_SPC_RGB
        result.pointer.pointee.color_primaries = source.pointer.pointee.color_primaries
        result.pointer.pointee.color_trc = source.pointer.pointee.color_trc
        return result
    }
}
