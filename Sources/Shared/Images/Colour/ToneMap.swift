import Glibc

/// From coded colours (PQ, HLG, or wide gamut) to 8-bit sRGB, pixel by pixel.
///
/// Light is counted in diffuse white: 1 is the 203 cd/m² that ITU-R BT.2408 gives to paper and to an interface's white,
/// and it becomes white of sRGB at most. Brighter light is compressed by the EETF of ITU-R BT.2390 (5.4.1), on the
/// largest of red, green and blue so that hues stay; light below its knee is not changed at all. The peak is that of
/// the picture itself, so one without highlights comes out as it is.
struct ToneMap {
    /// cd/m² of diffuse white (ITU-R BT.2408).
    private static let white = 203.0
    /// The peak in cd/m² that an HLG picture is shown with (ITU-R BT.2100).
    private static let hlgPeak = 1_000.0

    private let colour: CodedColour
    /// Linear light for each 16-bit code.
    private let light: [Float]
    private let gamut: [Float]
    private let encoded = Self.encodingTable

    /// - Parameter bitDepth: the significant bits of each 16-bit sample, which are its upper ones.
    init(_ colour: CodedColour, bitDepth: Int) {
        self.colour = colour
        // 1,023 of ten bits is 65,472 of sixteen.
        let most = Double((1 << bitDepth) - 1) * Double(1 << (16 - bitDepth))
        light = (0..<65_536).map { Float(Self.light(min(1, Double($0) / most), colour.transfer)) }
        gamut = Self.matrixToSRGB(primaries: colour.primaries).map { Float($0) }
    }

    // MARK: Curves

    /// Linear light of a code 0…1: in diffuse white for PQ, as a share of the signal's range for others.
    private static func light(_ code: Double, _ transfer: Int) -> Double {
        switch transfer {
        case CodedColour.pq: pqLight(code) / white
        // ITU-R BT.2100, inverse OETF; the OOTF follows for the three together.
        case CodedColour.hlg: code <= 0.5 ? code * code / 3 : (exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12
        case 4: pow(code, 2.2)
        case 5: pow(code, 2.8)
        case 8: code
        case 17: pow(code, 2.6) * 52.37 / 48
        default: code <= 0.04045 ? code / 12.92 : pow((code + 0.055) / 1.055, 2.4)
        }
    }

    /// cd/m² of a code 0…1 (SMPTE ST 2084).
    private static func pqLight(_ code: Double) -> Double {
        let root = pow(code, 32 / 2_523.0)
        return 10_000 * pow(max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root), 8_192 / 1_305.0)
    }

    /// The code 0…1 of light in cd/m².
    private static func pqCode(_ light: Double) -> Double {
        let root = pow(max(light, 0) / 10_000, 1_305 / 8_192.0)
        return pow((0.8359375 + 18.8515625 * root) / (1 + 18.6875 * root), 2_523 / 32.0)
    }

    /// 8-bit sRGB of linear light, 4,096 steps of its square root.
    private static let encodingTable: [UInt8] = (0...4_096).map { index in
        let light = pow(Double(index) / 4_096, 2)
        let code = light <= 0.0031308 ? light * 12.92 : 1.055 * pow(light, 1 / 2.4) - 0.055
        return UInt8(min(max(code * 255, 0), 255).rounded())
    }

    // MARK: Gamut

    /// x and y of red, green, blue and white (ITU-T H.273, table 2); sRGB's where they are not known.
    private static func chromaticities(_ primaries: Int) -> [Double] {
        switch primaries {
        case 4: [0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316]
        case 5: [0.64, 0.33, 0.29, 0.60, 0.15, 0.06, 0.3127, 0.3290]
        case 6, 7: [0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290]
        case 9: [0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290]
        case 11: [0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351]
        case 12: [0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290]
        default: [0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290]
        }
    }

    /// Rows of red, green and blue of sRGB; white stays white.
    private static func matrixToSRGB(primaries: Int) -> [Double] {
        let source = matrixToXYZ(chromaticities(primaries))
        var product = multiplied(inverse(matrixToXYZ(chromaticities(1))), source)
        for row in 0..<3 {
            let sum = product[row * 3] + product[row * 3 + 1] + product[row * 3 + 2]
            for column in 0..<3 { product[row * 3 + column] /= sum }
        }
        return product
    }

    /// The columns are XYZ of the primaries, scaled so that together they are the white point.
    private static func matrixToXYZ(_ xy: [Double]) -> [Double] {
        func xyz(_ index: Int) -> [Double] {
            let (x, y) = (xy[index * 2], xy[index * 2 + 1])
            return [x / y, 1, (1 - x - y) / y]
        }
        let (red, green, blue, white) = (xyz(0), xyz(1), xyz(2), xyz(3))
        let primaries = (0..<3).flatMap { [red[$0], green[$0], blue[$0]] }
        let inverted = inverse(primaries)
        let scale = (0..<3).map { (row: Int) -> Double in
            inverted[row * 3] * white[0] + inverted[row * 3 + 1] * white[1] + inverted[row * 3 + 2] * white[2]
        }
        return primaries.indices.map { primaries[$0] * scale[$0 % 3] }
    }

    private static func multiplied(_ left: [Double], _ right: [Double]) -> [Double] {
        (0..<9).map { (index: Int) -> Double in
            let (row, column) = (index / 3 * 3, index % 3)
            return left[row] * right[column] + left[row + 1] * right[column + 3]
                + left[row + 2] * right[column + 6]
        }
    }

    private static func inverse(_ m: [Double]) -> [Double] {
        let cofactors: [Double] = [
            m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
            m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
            m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3],
        ]
        let determinant = m[0] * cofactors[0] + m[1] * cofactors[3] + m[2] * cofactors[6]
        return cofactors.map { $0 / determinant }
    }

    // MARK: Pixels

    /// Converts pixels of 16 bits in the machine's byte order, `count × bands` of them, with 3 bands, or 4 with alpha.
    ///
    /// - Parameter isCancelled: asked now and then; the rest is left as it is when it says so.
    func convert(
        _ source: UnsafeBufferPointer<UInt16>,
        bands: Int,
        into target: UnsafeMutableBufferPointer<UInt8>,
        isCancelled: () -> Bool
    ) {
        let gains = colour.isHDR ? gainTable(peak: peak(source, bands: bands)) : nil
        let (m, step) = (gamut, Self.pixelsBetweenLooks * bands)
        for start in stride(from: 0, to: source.count - bands + 1, by: step) {
            if isCancelled() { return }
            for offset in stride(from: start, to: min(start + step, source.count - bands + 1), by: bands) {
                var (red, green, blue) = shown(source[offset], source[offset + 1], source[offset + 2])
                if let gains {
                    let gain = gains[Self.gainIndex(max(red, green, blue))]
                    (red, green, blue) = (red * gain, green * gain, blue * gain)
                }
                target[offset] = code(m[0] * red + m[1] * green + m[2] * blue)
                target[offset + 1] = code(m[3] * red + m[4] * green + m[5] * blue)
                target[offset + 2] = code(m[6] * red + m[7] * green + m[8] * blue)
                if bands == 4 { target[offset + 3] = UInt8(truncatingIfNeeded: source[offset + 3] >> 8) }
            }
        }
    }

    private static let pixelsBetweenLooks = 65_536

    /// Light on the display, in diffuse white for PQ and HLG.
    private func shown(_ red: UInt16, _ green: UInt16, _ blue: UInt16) -> (Float, Float, Float) {
        let (r, g, b) = (light[Int(red)], light[Int(green)], light[Int(blue)])
        guard colour.transfer == CodedColour.hlg else { return (r, g, b) }
        // The OOTF with a system gamma of 1.2.
        let luminance = 0.2627 * r + 0.678 * g + 0.0593 * b
        let gain = powf(max(luminance, 1e-9), 0.2) * Float(Self.hlgPeak / Self.white)
        return (r * gain, g * gain, b * gain)
    }

    private func code(_ light: Float) -> UInt8 { encoded[Int(min(max(light, 0), 1).squareRoot() * 4_096 + 0.5)] }

    /// The light, in diffuse white, that 99.9 % of the pixels are not brighter than; the few above it become white.
    private func peak(_ source: UnsafeBufferPointer<UInt16>, bands: Int) -> Double {
        var counts = [Int](repeating: 0, count: Self.gainSteps + 1)
        for offset in stride(from: 0, to: source.count - bands + 1, by: bands) {
            let (red, green, blue) = shown(source[offset], source[offset + 1], source[offset + 2])
            counts[Self.gainIndex(max(red, green, blue))] += 1
        }
        var above = source.count / bands / 1_000
        var step = Self.gainSteps
        while step > 0, counts[step] <= above {
            above -= counts[step]
            step -= 1
        }
        return max(1, Self.light(ofStep: step))
    }

    private static func light(ofStep step: Int) -> Double {
        pow((Double(step) + 0.5) / Double(gainSteps), 4) * Double(mostLight)
    }

    private static let gainSteps = 8_192
    /// The most light that a code can stand for, in diffuse white.
    private static let mostLight = Float(10_000 / white)

    private static func gainIndex(_ light: Float) -> Int {
        Int((min(max(light, 0), mostLight) / mostLight).squareRoot().squareRoot() * Float(gainSteps))
    }

    /// What light is multiplied by, for 8,193 steps of its fourth root.
    private func gainTable(peak: Double) -> [Float] {
        let source = Self.pqCode(peak * Self.white)
        let most = Self.pqCode(Self.white) / source
        return (0...Self.gainSteps).map { step in
            let light = Self.light(ofStep: step)
            let mapped = Self.compressed(Self.pqCode(light * Self.white) / source, to: most) * source
            return Float(Self.pqLight(min(mapped, 1)) / (light * Self.white))
        }
    }

    /// The EETF: codes 0…1 of the source's range to 0…`most`, with a Hermite spline above the knee.
    private static func compressed(_ code: Double, to most: Double) -> Double {
        let knee = 1.5 * most - 0.5
        guard most < 1, code > knee else { return min(code, most) }
        let t = (min(code, 1) - knee) / (1 - knee)
        let (t2, t3) = (t * t, t * t * t)
        return (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (-2 * t3 + 3 * t2) * most
    }
}
