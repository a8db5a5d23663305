import CFFmpeg
import Glibc

/// How one colour of a source becomes one of BT.709. Exact and slow: ``ColorMap`` makes a table of it.
struct ColorCurve: Hashable {
    /// Diffuse white of HDR content, in cd/m² (BT.2408).
    static let referenceWhite = 203.0
    /// The peak that is assumed where a source does not tell its own, in cd/m²; that of HLG always (BT.2100).
    static let usualPeak = 1_000.0
    /// The share of diffuse white up to which tones stay as they are.
    private static let knee = 0.4

    let color: SourceColor
    /// Of the outputs.
    let targetMatrix: AVColorSpace
    /// The brightest that the source has, in cd/m².
    let peak: Double

    /// - Parameters:
    ///   - y: 0 to 1, and a little beyond.
    ///   - cb: −0.5 to 0.5.
    ///   - cr: −0.5 to 0.5.
    func mapped(y: Double, cb: Double, cr: Double) -> (y: Double, cb: Double, cr: Double) {
        let matrix = LumaWeights(color.lumaMatrix)
        var signal = RGBColor(
            red: y + 2 * (1 - matrix.red) * cr,
            green: 0,
            blue: y + 2 * (1 - matrix.blue) * cb
        )
        signal.green = (y - matrix.red * signal.red - matrix.blue * signal.blue) / matrix.green
        var light = toneMapped(Self.toBT709(linear(signal), from: color))
        // Light is what a screen shows, so it goes back to numbers by a screen's curve (BT.1886).
        light = light.map { pow(min(max($0, 0), 1), 1 / 2.4) }
        let target = LumaWeights(targetMatrix)
        let luma = target.red * light.red + target.green * light.green + target.blue * light.blue
        return (luma, (light.blue - luma) / (2 * (1 - target.blue)), (light.red - luma) / (2 * (1 - target.red)))
    }

    /// The light of a screen, in shares of diffuse white.
    private func linear(_ signal: RGBColor) -> RGBColor {
        switch color.transfer {
        case AVCOL_TRC_SMPTE2084:
            return signal.map { TransferCurve.pq(min(max($0, 0), 1)) * 10_000 / Self.referenceWhite }
        case AVCOL_TRC_ARIB_STD_B67:
            let scene = signal.map { TransferCurve.hlg(min(max($0, 0), 1)) }
            // The system's gamma of a screen of 1,000 cd/m² (BT.2100, table 5).
            let luminance = 0.2627 * scene.red + 0.6780 * scene.green + 0.0593 * scene.blue
            let gain = luminance > 0 ? pow(luminance, 0.2) * Self.usualPeak / Self.referenceWhite : 0
            return scene.map { $0 * gain }
        default:
            return signal.map { TransferCurve.linear(max($0, 0), color.transfer) }
        }
    }

    /// Brings highlights below 1, and keeps the hue: all components shrink as the largest does.
    private func toneMapped(_ light: RGBColor) -> RGBColor {
        guard color.isHDR else { return light }
        let brightest = max(light.red, light.green, light.blue)
        guard brightest > 0 else { return light }
        let gain = Self.rolled(brightest, peak: peak / Self.referenceWhite) / brightest
        return light.map { $0 * gain }
    }

    /// A hyperbola that leaves the line y = x at the knee without a bend, and is 1 at the peak.
    static func rolled(_ value: Double, peak: Double) -> Double {
        guard value > knee, peak > 1 else { return min(value, 1) }
        let a = -knee * knee * (peak - 1) / (knee * knee - 2 * knee + peak)
        let b = (knee * knee - 2 * knee * peak + peak) / (peak - 1)
        let scale = (b * b + 2 * b * knee + knee * knee) / (b - a)
        return min(scale * (value + a) / (value + b), 1)
    }

    /// Between the primaries of BT.2020 or P3 and those of BT.709, all with white D65 (from their chromaticities).
    private static func toBT709(_ light: RGBColor, from color: SourceColor) -> RGBColor {
        switch color.primaries {
        case AVCOL_PRI_SMPTE431, AVCOL_PRI_SMPTE432:
            RGBColor(
                red: 1.224_940_2 * light.red - 0.224_940_2 * light.green,
                green: -0.042_056_95 * light.red + 1.042_056_95 * light.green,
                blue: -0.019_637_55 * light.red - 0.078_636_05 * light.green + 1.098_273_6 * light.blue
            )
        default:
            color.isWide || color.isHDRWithoutPrimaries
                ? RGBColor(
                    red: 1.660_491 * light.red - 0.587_641_1 * light.green - 0.072_849_9 * light.blue,
                    green: -0.124_550_5 * light.red + 1.132_899_9 * light.green - 0.008_349_4 * light.blue,
                    blue: -0.018_150_8 * light.red - 0.100_578_9 * light.green + 1.118_729_7 * light.blue
                ) : light
        }
    }
}

struct RGBColor {
    var red: Double
    var green: Double
    var blue: Double

    func map(_ change: (Double) -> Double) -> RGBColor {
        RGBColor(red: change(red), green: change(green), blue: change(blue))
    }
}

/// The weights of a matrix's luma.
struct LumaWeights {
    let red: Double
    let blue: Double
    var green: Double { 1 - red - blue }

    init(_ matrix: AVColorSpace) {
        switch matrix {
        case AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT2020_CL: (red, blue) = (0.2627, 0.0593)
        case AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M: (red, blue) = (0.299, 0.114)
        case AVCOL_SPC_FCC: (red, blue) = (0.30, 0.11)
        case AVCOL_SPC_SMPTE240M: (red, blue) = (0.212, 0.087)
        default: (red, blue) = (0.2126, 0.0722)
        }
    }
}

extension SourceColor {
    /// HDR is BT.2020 unless it says otherwise.
    var isHDRWithoutPrimaries: Bool { isHDR && primaries == AVCOL_PRI_UNSPECIFIED }

    /// The matrix of the source's luma, where it has one that is known; else that of its primaries.
    var lumaMatrix: AVColorSpace {
        if ColorTags.scalerIndex(of: matrix) != nil { return matrix }
        return isHDRWithoutPrimaries || primaries == AVCOL_PRI_BT2020 ? AVCOL_SPC_BT2020_NCL : AVCOL_SPC_BT709
    }
}

/// Transfer functions, signal to light.
enum TransferCurve {
    /// SMPTE ST 2084: 1 is 10,000 cd/m².
    static func pq(_ signal: Double) -> Double {
        let (m1, m2) = (2_610.0 / 16_384, 2_523.0 / 4_096 * 128)
        let (c1, c2, c3) = (3_424.0 / 4_096, 2_413.0 / 4_096 * 32, 2_392.0 / 4_096 * 32)
        let power = pow(signal, 1 / m2)
        return pow(max(power - c1, 0) / (c2 - c3 * power), 1 / m1)
    }

    /// ARIB STD-B67: light of the scene, 0 to 1.
    static func hlg(_ signal: Double) -> Double {
        let (a, b, c) = (0.178_832_77, 0.284_668_92, 0.559_910_73)
        return signal <= 0.5 ? signal * signal / 3 : (exp((signal - c) / a) + b) / 12
    }

    static func linear(_ signal: Double, _ transfer: AVColorTransferCharacteristic) -> Double {
        switch transfer {
        case AVCOL_TRC_LINEAR: signal
        case AVCOL_TRC_GAMMA22: pow(signal, 2.2)
        case AVCOL_TRC_GAMMA28: pow(signal, 2.8)
        case AVCOL_TRC_SMPTE428: pow(signal, 2.6) * 52.37 / 48
        case AVCOL_TRC_IEC61966_2_1:
            signal <= 0.040_45 ? signal / 12.92 : pow((signal + 0.055) / 1.055, 2.4)
        // The curve of a camera (BT.709) is undone by that of a screen (BT.1886).
        default: pow(signal, 2.4)
        }
    }
}
