/// A width and a height in pixels, and the arithmetic of fitting one into another.
struct PictureSize: Hashable, Sendable {
    /// Sides that the encoders and the scaler take, and that keep every product far from overflow.
    static let sides = 1...16_384

    var width: Int
    var height: Int

    var area: Int { width * height }
    var transposed: PictureSize { PictureSize(width: height, height: width) }

    func covers(_ other: PictureSize) -> Bool {
        width >= other.width && height >= other.height
    }

    /// The box for a source of this shape, given a landscape box: portrait swaps the sides, square takes the short one.
    func orientedBox(_ box: PictureSize) -> PictureSize {
        let long = max(box.width, box.height)
        let short = min(box.width, box.height)
        if width == height { return PictureSize(width: short, height: short) }
        return width > height ? PictureSize(width: long, height: short) : PictureSize(width: short, height: long)
    }

    /// The largest size with this shape inside `box`, or nil if that would be an enlargement. Both sides are multiples
    /// of `step`: 2 for 4:2:0 video, 1 for pictures.
    func fitted(in box: PictureSize, step: Int) -> PictureSize? {
        let isLimitedByWidth = box.width * height <= box.height * width
        if isLimitedByWidth ? box.width > width : box.height > height { return nil }
        return isLimitedByWidth
            ? PictureSize(
                width: Self.floor(box.width, step),
                height: min(Self.round(height * box.width, over: width, step), Self.floor(box.height, step))
            )
            : PictureSize(
                width: min(Self.round(width * box.height, over: height, step), Self.floor(box.width, step)),
                height: Self.floor(box.height, step)
            )
    }

    /// This size with even sides, made smaller rather than larger.
    var even: PictureSize {
        PictureSize(width: Self.floor(width, 2), height: Self.floor(height, 2))
    }

    private static func floor(_ value: Int, _ step: Int) -> Int {
        max(step, value / step * step)
    }

    private static func round(_ value: Int, over divisor: Int, _ step: Int) -> Int {
        let unit = divisor * step
        return max(step, (value + unit / 2) / unit * step)
    }
}
