/// The chunks of a PNG (ISO/IEC 15948) in front of its pixels.
struct PNGStructure: Sendable {
    private(set) var isInterlaced = false
    /// Apple's variant of PNG, which other decoders cannot read: its first chunk is `CgBI`.
    private(set) var isCgBI = false
    /// From a `cICP` chunk (PNG, third edition, 11.3.2.6).
    private(set) var colour: CodedColour?

    init(_ source: SourceBytes) throws(ImageError) {
        var offset = 8
        // Text and profiles stand in front of the pixels too, however many.
        for _ in 0..<1_024 {
            let chunk = ByteView(try source.read(at: offset, 8 + 13))
            guard let length = chunk.number(4, at: 0), let name = chunk.slice(4, 4) else { return }
            switch String(decoding: name, as: UTF8.self) {
            case "CgBI": isCgBI = true
            case "IHDR": isInterlaced = chunk.byte(8 + 12) == 1
            case "cICP":
                if let primaries = chunk.byte(8), let transfer = chunk.byte(9) {
                    colour = CodedColour(primaries: Int(primaries), transfer: Int(transfer))
                }
            case "IDAT", "IEND": return
            default: break
            }
            offset += 12 + length
        }
    }
}
