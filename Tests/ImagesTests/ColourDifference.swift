import Foundation

extension Raster {
    /// Shades without an edge, which JPEG changes hardly at all.
    static func smooth(width: Int, height: Int) -> Raster {
        Raster(width: width, height: height) { x, y in
            let blue = (x + y) * 255 / (width + height)
            return Pixel(red: UInt8(x * 255 / width), green: UInt8(y * 255 / height), blue: UInt8(blue))
        }
    }

    /// The mean CIE 1976 colour difference (ΔE*ab, D65) of two pictures of one size; below 2 is hard to see.
    func meanDifference(to other: Raster) -> Double {
        guard width == other.width, height == other.height else { return .infinity }
        let count = width * height
        let sum = (0..<count).reduce(0.0) { sum, index in
            let (left, right) = (Self.lab(rgba, index * 4), Self.lab(other.rgba, index * 4))
            return sum + zip(left, right).reduce(0) { $0 + pow($1.0 - $1.1, 2) }.squareRoot()
        }
        return sum / Double(count)
    }

    private static func lab(_ bytes: [UInt8], _ offset: Int) -> [Double] {
        let light = (0..<3).map { Self.light(bytes[offset + $0]) }
        let x = (0.4124 * light[0] + 0.3576 * light[1] + 0.1805 * light[2]) / 0.9505
        let y = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
        let z = (0.0193 * light[0] + 0.1192 * light[1] + 0.9505 * light[2]) / 1.089
        let root = [x, y, z].map { $0 > 0.008856 ? cbrt($0) : 7.787 * $0 + 16.0 / 116 }
        return [116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])]
    }

    /// Linear light 0…1 of an sRGB value.
    static func light(_ value: UInt8) -> Double {
        let code = Double(value) / 255
        return code <= 0.04045 ? code / 12.92 : pow((code + 0.055) / 1.055, 2.4)
    }

    /// A picture as an HDR camera stores it: BT.2020 by code points 16 (PQ) or 18 (HLG), white at 203 cd/m² (ITU-R
    /// BT.2408), 16-bit big-endian RGB. The formulas are those of ITU-R BT.2100.
    func codedHDR(transfer: Int) -> [UInt8] {
        // ITU-R BT.2087.
        let rows = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.088, 0.8956]]
        return stride(from: 0, to: rgba.count, by: 4).flatMap { offset -> [UInt8] in
            let light = (0..<3).map { Self.light(rgba[offset + $0]) }
            let shown = rows.map { row in 203 * zip(row, light).reduce(0) { $0 + $1.0 * $1.1 } }
            let codes = transfer == 16 ? shown.map(Self.pq) : Self.hlg(shown)
            return codes.flatMap { code -> [UInt8] in
                let value = UInt16((min(max(code, 0), 1) * 65_535).rounded())
                return [UInt8(value >> 8), UInt8(value & 255)]
            }
        }
    }

    private static func pq(_ light: Double) -> Double {
        let power = pow(light / 10_000, 0.1593017578125)
        return pow((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power), 78.84375)
    }

    private static func hlg(_ shown: [Double]) -> [Double] {
        let luminance = 0.2627 * shown[0] + 0.678 * shown[1] + 0.0593 * shown[2]
        let gain = luminance > 0 ? pow(luminance / 1_000, 1 / 1.2 - 1) : 0
        return shown.map { light in
            let scene = gain * light / 1_000
            return scene <= 1 / 12.0 ? (3 * scene).squareRoot() : 0.17883277 * log(12 * scene - 0.28466892) + 0.55991073
        }
    }
}
