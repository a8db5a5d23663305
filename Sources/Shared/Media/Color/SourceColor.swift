import CFFmpeg

/// The colours of a source's pictures: the decoder's word where it has one, else the container's.
struct SourceColor: Hashable {
    var matrix = AVCOL_SPC_UNSPECIFIED
    var primaries = AVCOL_PRI_UNSPECIFIED
    var transfer = AVCOL_TRC_UNSPECIFIED
    var range = AVCOL_RANGE_UNSPECIFIED
    /// Whether the decoder's range stands above the container's: where the bits always tell, or tell nothing at all
    /// when they do not know. Other decoders say "limited" of what they do not know.
    private let trustsDecodedRange: Bool

    init(parameters: AVCodecParameters, container: ContainerColors) {
        let trusted = [AV_CODEC_ID_H264, AV_CODEC_ID_VP9, AV_CODEC_ID_AV1, AV_CODEC_ID_MJPEG]
        trustsDecodedRange = trusted.contains(parameters.codec_id)
        matrix = Self.first(parameters.color_space, container.matrix, none: AVCOL_SPC_UNSPECIFIED)
        primaries = Self.first(parameters.color_primaries, container.primaries, none: AVCOL_PRI_UNSPECIFIED)
        transfer = Self.first(parameters.color_trc, container.transfer, none: AVCOL_TRC_UNSPECIFIED)
        let (decoded, stated) = (parameters.color_range, container.range)
        range =
            trustsDecodedRange
            ? Self.first(decoded, stated, none: AVCOL_RANGE_UNSPECIFIED)
            : Self.first(stated, decoded, none: AVCOL_RANGE_UNSPECIFIED)
    }

    /// Completes the tags of a decoded picture by those of its file. The picture must not have been handed on yet.
    func complete(_ frame: Frame) {
        let picture = frame.pointer
        if picture.pointee.colorspace == AVCOL_SPC_UNSPECIFIED { picture.pointee.colorspace = matrix }
        if picture.pointee.color_primaries == AVCOL_PRI_UNSPECIFIED { picture.pointee.color_primaries = primaries }
        if picture.pointee.color_trc == AVCOL_TRC_UNSPECIFIED { picture.pointee.color_trc = transfer }
        let isUnknown = picture.pointee.color_range == AVCOL_RANGE_UNSPECIFIED
        if isUnknown || (!trustsDecodedRange && range != AVCOL_RANGE_UNSPECIFIED) {
            picture.pointee.color_range = range
        }
    }

    /// The tags of a picture that has been completed.
    init(of frame: Frame) {
        matrix = frame.pointer.pointee.colorspace
        primaries = frame.pointer.pointee.color_primaries
        transfer = frame.pointer.pointee.color_trc
        range = frame.pointer.pointee.color_range
        trustsDecodedRange = true
    }

    var isHDR: Bool { transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67 }

    /// Primaries beyond those of BT.709 and of standard definition, which screens take for much the same.
    var isWide: Bool {
        switch primaries {
        case AVCOL_PRI_BT2020, AVCOL_PRI_SMPTE431, AVCOL_PRI_SMPTE432: true
        case AVCOL_PRI_UNSPECIFIED: matrix == AVCOL_SPC_BT2020_NCL || matrix == AVCOL_SPC_BT2020_CL
        default: false
        }
    }

    /// Whether outputs in BT.709 need other numbers than a change of matrix gives.
    var needsMap: Bool { isHDR || isWide }

    private static func first<Tag: Equatable>(_ one: Tag, _ other: Tag, none: Tag) -> Tag { one != none ? one : other }
}
