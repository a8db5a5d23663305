/// The `av1C` box (AV1 in ISO base media files, 2.3.3), whose sequence header has the colours of the picture.
enum AV1Configuration {
    /// nil where the header says nothing of them, or cannot be read.
    static func colour(_ box: [UInt8]) -> CodedColour? {
        guard let header = sequenceHeader(Array(box.dropFirst(4))) else { return nil }
        var reader = BitReader(header)
        return colour(&reader)
    }

    /// The content of the first sequence header among open bitstream units (AV1 specification, 5.3).
    private static func sequenceHeader(_ units: [UInt8]) -> [UInt8]? {
        var rest = units[...]
        while let head = rest.first {
            let kind = head >> 3 & 15
            rest = rest.dropFirst(head & 4 != 0 ? 2 : 1)
            var size = rest.count
            if head & 2 != 0 {
                size = 0
                for shift in 0..<4 {
                    guard let byte = rest.popFirst() else { return nil }
                    size |= Int(byte & 0x7F) << (7 * shift)
                    if byte & 0x80 == 0 { break }
                }
            }
            if kind == 1 { return Array(rest.prefix(size)) }
            rest = rest.dropFirst(size)
        }
        return nil
    }

    /// Goes through `sequence_header_obu` (5.5.1) up to `color_config` (5.5.2).
    private static func colour(_ reader: inout BitReader) -> CodedColour? {
        guard let profile = reader.bits(3), reader.skip(1), let isReduced = reader.flag() else { return nil }
        if isReduced {
            reader.skip(5)
        } else if !skipOperatingPoints(&reader) {
            return nil
        }
        guard let widthBits = reader.bits(4), let heightBits = reader.bits(4),
            reader.skip(widthBits + 1 + heightBits + 1)
        else { return nil }
        if !isReduced {
            guard let hasFrameIDs = reader.flag() else { return nil }
            if hasFrameIDs { reader.skip(7) }
        }
        reader.skip(3)
        if !isReduced {
            reader.skip(4)
            guard let hasOrderHint = reader.flag() else { return nil }
            if hasOrderHint { reader.skip(2) }
            guard let choosesScreenContent = reader.flag() else { return nil }
            let forcesScreenContent = choosesScreenContent ? 2 : reader.bits(1) ?? 0
            if forcesScreenContent > 0, reader.flag() == false { reader.skip(1) }
            if hasOrderHint { reader.skip(3) }
        }
        reader.skip(3)
        guard let isDeep = reader.flag() else { return nil }
        if profile == 2, isDeep { reader.skip(1) }
        if profile != 1 { reader.skip(1) }
        guard reader.flag() == true, let primaries = reader.bits(8), let transfer = reader.bits(8) else { return nil }
        return CodedColour(primaries: primaries, transfer: transfer)
    }

    private static func skipOperatingPoints(_ reader: inout BitReader) -> Bool {
        guard let hasTiming = reader.flag() else { return false }
        var delayBits = 0
        var hasDecoderModel = false
        if hasTiming {
            reader.skip(64)
            guard let isEqual = reader.flag() else { return false }
            if isEqual, reader.golomb() == nil { return false }
            guard let model = reader.flag() else { return false }
            hasDecoderModel = model
            if model {
                guard let bits = reader.bits(5), reader.skip(32 + 10) else { return false }
                delayBits = bits + 1
            }
        }
        guard let hasInitialDelay = reader.flag(), let count = reader.bits(5) else { return false }
        for _ in 0...count {
            reader.skip(12)
            guard let level = reader.bits(5) else { return false }
            if level > 7 { reader.skip(1) }
            if hasDecoderModel, reader.flag() == true { reader.skip(2 * delayBits + 1) }
            if hasInitialDelay, reader.flag() == true { reader.skip(4) }
        }
        return true
    }
}
