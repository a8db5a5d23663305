import CFFmpeg
import Glibc

/// Brings high dynamic range and wide gamut to BT.709, by a table over luma and chroma: a few nanoseconds for a pixel,
/// where a graph of filters in floating point takes many times as long.
///
/// The table has a node at each 16th step of 10-bit luma and each 32nd of chroma; between them it is linear.
final class ColorMap {
    private static let lumaNodes = 65
    private static let chromaNodes = 33
    private static let count = lumaNodes * chromaNodes * chromaNodes

    /// 8-bit values with 8 bits of fraction. Indices: (Cb · 33 + Cr) · 65 + Y.
    private let luma = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
    private let blue = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
    private let red = UnsafeMutablePointer<UInt16>.allocate(capacity: count)

    /// - Parameter curve: gives the colour that a source's colour becomes.
    init(_ curve: ColorCurve) {
        for cb in 0..<Self.chromaNodes {
            for cr in 0..<Self.chromaNodes {
                for y in 0..<Self.lumaNodes {
                    let made = curve.mapped(
                        y: (Double(y) * 16 - 64) / 876,
                        cb: (Double(cb) * 32 - 512) / 896,
                        cr: (Double(cr) * 32 - 512) / 896
                    )
                    let index = (cb * Self.chromaNodes + cr) * Self.lumaNodes + y
                    luma[index] = Self.fixed(16 + 219 * made.y)
                    blue[index] = Self.fixed(128 + 224 * made.cb)
                    red[index] = Self.fixed(128 + 224 * made.cr)
                }
            }
        }
    }

    deinit {
        luma.deallocate()
        blue.deallocate()
        red.deallocate()
    }

    private static func fixed(_ value: Double) -> UInt16 { UInt16(min(max((value * 256).rounded(), 0), 65_280)) }

    /// - Parameters:
    ///   - source: 10-bit 4:2:0 at limited range.
    ///   - target: 8-bit 4:2:0 of the same size; its content is replaced.
    func apply(_ source: Frame, to target: Frame) throws(MediaError) {
        let (width, height) = (source.size.width, source.size.height)
        guard target.size == source.size, let planes = Planes(source: source, target: target) else {
            throw .libav(shim_error_invalid_data, doing: "converting colours")
        }
        for row in 0..<(height + 1) / 2 {
            for column in 0..<(width + 1) / 2 {
                block(planes, row, column, isRight: 2 * column + 1 < width, isBelow: 2 * row + 1 < height)
            }
        }
    }

    /// Two by two pixels, which have one chroma sample.
    @inline(__always)
    private func block(_ planes: Planes, _ row: Int, _ column: Int, isRight: Bool, isBelow: Bool) {
        let chroma = row &* planes.sourceChromaStride &+ column
        let cb = min(Int32(planes.sourceBlue[chroma]), 1_023)
        let cr = min(Int32(planes.sourceRed[chroma]), 1_023)
        let cell = Cell(cb, cr)
        let top = 2 &* row &* planes.sourceStride &+ 2 &* column
        let targetTop = 2 &* row &* planes.targetStride &+ 2 &* column
        var sum = pixel(planes, cell, top, targetTop)
        var count: Int32 = 1
        if isRight {
            sum &+= pixel(planes, cell, top &+ 1, targetTop &+ 1)
            count &+= 1
        }
        if isBelow {
            sum &+= pixel(planes, cell, top &+ planes.sourceStride, targetTop &+ planes.targetStride)
            count &+= 1
            if isRight {
                sum &+= pixel(planes, cell, top &+ planes.sourceStride &+ 1, targetTop &+ planes.targetStride &+ 1)
                count &+= 1
            }
        }
        let y = count == 4 ? sum >> 2 : sum / count
        let target = row &* planes.targetChromaStride &+ column
        planes.targetBlue[target] = look(blue, cell, y)
        planes.targetRed[target] = look(red, cell, y)
    }

    @inline(__always)
    private func pixel(_ planes: Planes, _ cell: Cell, _ source: Int, _ target: Int) -> Int32 {
        let y = min(Int32(planes.source[source]), 1_023)
        planes.target[target] = look(luma, cell, y)
        return y
    }

    @inline(__always)
    private func look(_ table: UnsafeMutablePointer<UInt16>, _ cell: Cell, _ y: Int32) -> UInt8 {
        let (node, fraction) = (Int(y >> 4), y & 15)
        @inline(__always) func at(_ corner: Int) -> Int32 {
            let low = Int32(table[corner &+ node])
            return low &* 16 &+ (Int32(table[corner &+ node &+ 1]) &- low) &* fraction
        }
        // 16 · 1024 · 256: a value below 2^30.
        let sum =
            at(cell.corner) &* cell.weight &+ at(cell.corner &+ Cell.redStep) &* cell.redWeight
            &+ at(cell.corner &+ Cell.blueStep) &* cell.blueWeight
            &+ at(cell.corner &+ Cell.blueStep &+ Cell.redStep) &* cell.bothWeight
        return UInt8(truncatingIfNeeded: min((sum &+ 1 << 21) >> 22, 255))
    }

    /// The chroma cell of a pixel, and the weights of its corners, which are 1024 together.
    private struct Cell {
        static let redStep = ColorMap.lumaNodes
        static let blueStep = ColorMap.lumaNodes * ColorMap.chromaNodes

        let corner: Int
        let weight: Int32
        let redWeight: Int32
        let blueWeight: Int32
        let bothWeight: Int32

        @inline(__always)
        init(_ cb: Int32, _ cr: Int32) {
            let (blue, red) = (cb & 31, cr & 31)
            corner = Int(cb >> 5) &* Self.blueStep &+ Int(cr >> 5) &* Self.redStep
            weight = (32 &- blue) &* (32 &- red)
            redWeight = (32 &- blue) &* red
            blueWeight = blue &* (32 &- red)
            bothWeight = blue &* red
        }
    }

    private struct Planes {
        let source: UnsafeMutablePointer<UInt16>
        let sourceBlue: UnsafeMutablePointer<UInt16>
        let sourceRed: UnsafeMutablePointer<UInt16>
        let target: UnsafeMutablePointer<UInt8>
        let targetBlue: UnsafeMutablePointer<UInt8>
        let targetRed: UnsafeMutablePointer<UInt8>
        /// In samples.
        let sourceStride: Int
        let sourceChromaStride: Int
        let targetStride: Int
        let targetChromaStride: Int

        init?(source: Frame, target: Frame) {
            func words(_ plane: Int32) -> UnsafeMutablePointer<UInt16>? {
                shim_frame_plane(source.pointer, plane).map {
                    UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt16.self)
                }
            }
            guard let y = words(0), let u = words(1), let v = words(2),
                let targetY = shim_frame_plane(target.pointer, 0), let targetU = shim_frame_plane(target.pointer, 1),
                let targetV = shim_frame_plane(target.pointer, 2)
            else { return nil }
            (self.source, sourceBlue, sourceRed) = (y, u, v)
            (self.target, targetBlue, targetRed) = (targetY, targetU, targetV)
            sourceStride = Int(shim_frame_stride(source.pointer, 0)) / 2
            sourceChromaStride = Int(shim_frame_stride(source.pointer, 1)) / 2
            targetStride = Int(shim_frame_stride(target.pointer, 0))
            targetChromaStride = Int(shim_frame_stride(target.pointer, 1))
        }
    }
}
