import CFFmpeg

/// The colour space, primaries and transfer function of a picture's numbers. Outputs keep the source's, at limited
/// range.
struct ColorTags {
    var matrix: AVColorSpace
    var primaries: AVColorPrimaries
    var transfer: AVColorTransferCharacteristic

    /// The tags for outputs: the source's where it has them. A matrix has to be guessed where it has none; the rule by
    /// size is the one that players follow.
    init(parameters: AVCodecParameters) {
        matrix = parameters.color_space
        primaries = parameters.color_primaries
        transfer = parameters.color_trc
        if Self.scalerIndex(of: matrix) == nil {
            let isHighDefinition = parameters.width >= 1_280 || parameters.height > 576
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
