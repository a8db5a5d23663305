/// The parts of an ICC profile that libvips does not use.
enum ICCProfile {
    /// The code points of a `cicp` tag (ICC.1:2022, 9.2.17): profiles of HDR pictures have them, as curves and matrix
    /// cannot say how bright white is.
    static func codedColour(_ profile: [UInt8]) -> CodedColour? {
        let view = ByteView(profile)
        guard view.has("acsp", at: 36), let count = view.number(4, at: 128), count <= 256 else { return nil }
        for index in 0..<count where view.has("cicp", at: 132 + index * 12) {
            guard let offset = view.number(4, at: 136 + index * 12), view.has("cicp", at: offset),
                let primaries = view.byte(offset + 8), let transfer = view.byte(offset + 9)
            else { return nil }
            return CodedColour(primaries: Int(primaries), transfer: Int(transfer))
        }
        return nil
    }
}
