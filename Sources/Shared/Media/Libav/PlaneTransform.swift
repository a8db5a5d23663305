/// Turns and mirrors one plane of 8-bit samples.
enum PlaneTransform {
    /// The side of a tile in samples. The work goes tile by tile, so that the rows that are read and those that are
    /// written both stay in the cache.
    private static let tile = 32

    /// - Parameters:
    ///   - source: `height × sourceStride` bytes, before the turn.
    ///   - target: `(isTransposed ? width : height) × targetStride` bytes.
    ///   - width: of the plane before the turn, in samples.
    ///   - height: of the plane before the turn, in samples.
    static func apply(
        _ orientation: Orientation,
        source: UnsafePointer<UInt8>,
        sourceStride: Int,
        target: UnsafeMutablePointer<UInt8>,
        targetStride: Int,
        width: Int,
        height: Int
    ) {
        let targetWidth = orientation.isTransposed ? height : width
        let targetHeight = orientation.isTransposed ? width : height
        // The place of the source's sample (0, 0) in the target, and how far it moves there with each step in the
        // source.
        let origin =
            (orientation.mirrorsY ? targetHeight - 1 : 0) * targetStride + (orientation.mirrorsX ? targetWidth - 1 : 0)
        let stepX = orientation.mirrorsX ? -1 : 1
        let stepY = orientation.mirrorsY ? -targetStride : targetStride
        let (perColumn, perRow) = orientation.isTransposed ? (stepY, stepX) : (stepX, stepY)
        var top = 0
        while top < height {
            let bottom = min(top + tile, height)
            var left = 0
            while left < width {
                let right = min(left + tile, width)
                for row in top..<bottom {
                    var from = source + row * sourceStride + left
                    var to = target + origin + row * perRow + left * perColumn
                    for _ in left..<right {
                        to.pointee = from.pointee
                        from += 1
                        to += perColumn
                    }
                }
                left = right
            }
            top = bottom
        }
    }
}
