/// The colours of a picture by code points (ITU-T H.273): what an `nclx` box, a `cICP` chunk, or a codec's header says.
struct CodedColour: Sendable, Equatable {
    /// 1 BT.709 and sRGB, 9 BT.2020, 12 Display P3, …; 2 is unspecified.
    var primaries: Int
    /// 13 sRGB, 16 PQ, 18 HLG, …; 2 is unspecified.
    var transfer: Int

    /// PQ (SMPTE ST 2084) or HLG (ARIB STD-B67): brighter than white, and to be tone mapped.
    var isHDR: Bool { transfer == Self.pq || transfer == Self.hlg }

    /// Whether the pixels can be shown as they are. BT.709's curves and sRGB's are taken for one, as browsers do.
    var isSRGB: Bool {
        [1, 2].contains(primaries) && [1, 2, 6, 13, 14, 15].contains(transfer)
    }

    static let pq = 16
    static let hlg = 18
}
