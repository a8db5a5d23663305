import CFFmpeg

/// Tells a picture of nearly one colour: black before a film begins, or a white page.
enum BlankPicture {
    /// Samples in a row and in a column that are looked at.
    private static let grid = 48
    /// How far a sample may be from the middle one, in 8-bit steps; compression alone moves dark samples by some.
    private static let tolerance = 10
    /// The share of samples that may differ more.
    private static let leastContent = 0.01

    /// - Parameter frame: 8-bit 4:2:0.
    static func isBlank(_ frame: Frame) -> Bool {
        for plane in Int32(0)..<3 {
            guard let samples = shim_frame_plane(frame.pointer, plane) else { return false }
            let stride = Int(shim_frame_stride(frame.pointer, plane))
            let width = plane == 0 ? frame.size.width : (frame.size.width + 1) / 2
            let height = plane == 0 ? frame.size.height : (frame.size.height + 1) / 2
            if !isBlank(samples, stride, width, height) { return false }
        }
        return true
    }

    private static func isBlank(_ samples: UnsafePointer<UInt8>, _ stride: Int, _ width: Int, _ height: Int) -> Bool {
        var histogram = [Int](repeating: 0, count: 256)
        var count = 0
        for row in Swift.stride(from: 0, to: height, by: max(1, height / grid)) {
            for column in Swift.stride(from: 0, to: width, by: max(1, width / grid)) {
                histogram[Int(samples[row * stride + column])] += 1
                count += 1
            }
        }
        var (seen, middle) = (0, 0)
        while middle < 255, seen + histogram[middle] <= count / 2 {
            seen += histogram[middle]
            middle += 1
        }
        let near = histogram[max(0, middle - tolerance)...min(255, middle + tolerance)].reduce(0, +)
        return Double(count - near) < Double(count) * leastContent
    }
}
