import CFFmpeg

/// Pictures of one size in BT.709, of pictures that need more than a change of matrix. Owned by one thread.
final class ColorConverter {
    private let scaler: Scaler
    private let pool: FramePool
    private let targetMatrix: AVColorSpace
    private var map: (curve: ColorCurve, table: ColorMap)?
    /// The brightest that the source has told of, in cd/m².
    private var peak = ColorCurve.usualPeak

    init(target: PictureSize, colors: ColorTags) throws(MediaError) {
        targetMatrix = colors.matrix
        scaler = try Scaler(target: target, colors: colors, format: AV_PIX_FMT_YUV420P10LE, keepsMatrix: true)
        pool = try FramePool(size: target, format: AV_PIX_FMT_YUV420P)
    }

    func convert(_ source: Frame) throws(MediaError) -> Frame {
        peak = Self.peak(of: source) ?? peak
        var color = SourceColor(of: source)
        color.range = AVCOL_RANGE_MPEG
        let isPQ = color.transfer == AVCOL_TRC_SMPTE2084
        let curve = ColorCurve(color: color, targetMatrix: targetMatrix, peak: isPQ ? peak : ColorCurve.usualPeak)
        let table: ColorMap
        if let map, map.curve == curve {
            table = map.table
        } else {
            table = ColorMap(curve)
            map = (curve, table)
        }
        let deep = try scaler.scale(source)
        let result = try pool.take()
        try table.apply(deep, to: result)
        result.copyTimes(of: deep)
        result.pointer.pointee.colorspace = targetMatrix
        result.pointer.pointee.color_primaries = AVCOL_PRI_BT709
        result.pointer.pointee.color_trc = AVCOL_TRC_BT709
        result.pointer.pointee.color_range = AVCOL_RANGE_MPEG
        return result
    }

    /// From the picture's static metadata: the brightest pixel, or else the screen it was graded on. In hundreds, so
    /// that few tables are made.
    private static func peak(of frame: Frame) -> Double? {
        var stated = 0.0
        if let data = av_frame_get_side_data(frame.pointer, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL)?.pointee,
            data.size >= MemoryLayout<AVContentLightMetadata>.size
        {
            stated = Double(UnsafeRawPointer(data.data).loadUnaligned(as: AVContentLightMetadata.self).MaxCLL)
        }
        if stated == 0,
            let data = av_frame_get_side_data(frame.pointer, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA)?.pointee,
            data.size >= MemoryLayout<AVMasteringDisplayMetadata>.size
        {
            let screen = UnsafeRawPointer(data.data).loadUnaligned(as: AVMasteringDisplayMetadata.self)
            if screen.has_luminance != 0, screen.max_luminance.den != 0 {
                stated = Double(screen.max_luminance.num) / Double(screen.max_luminance.den)
            }
        }
        guard stated >= 100 else { return nil }
        return min((stated / 100).rounded(.up) * 100, 10_000)
    }
}
