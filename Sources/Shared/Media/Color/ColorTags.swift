import CFFmpeg

/// The colour space, primaries and transfer function of the outputs' numbers: the source's for standard dynamic range
/// and its usual primaries, BT.709 for everything else. Always at limited range.
struct ColorTags {
    var matrix: AVColorSpace
    var primaries: AVColorPrimaries
    var transfer: AVColorTransferCharacteristic

    /// A matrix has to be guessed where the source has none; the rule by size is the one that players follow.
    init(source: SourceColor, width: Int32, height: Int32) {
        guard !source.needsMap else {
            (matrix, primaries, transfer) = (AVCOL_SPC_BT709, AVCOL_PRI_BT709, AVCOL_TRC_BT709)
            return
        }
        matrix = source.matrix
        primaries = source.primaries
        transfer = source.transfer
        if Self.scalerIndex(of: matrix) == nil {
            let isHighDefinition = width >= 1_280 || height > 576
            matrix = isHighDefinition || matrix == AVCOL_SPC_RGB ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M
        }
    }

    /// The scaler's index for a matrix, where it knows one.
    static func scalerIndex(of matrix: AVColorSpace) -> Int32? {
        switch matrix {
        case AVCOL_SPC_BT709: SWS_CS_ITU709
        case AVCOL_SPC_FCC: SWS_CS_FCC
        case AVCOL_SPC_BT470BG, AVCOL_SPC_SMPTE170M: SWS_CS_SMPTE170M
        case AVCOL_SPC_SMPTE240M: SWS_CS_SMPTE240M
        case AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT2020_CL: SWS_CS_BT2020
        default: nil
        }
    }
}
