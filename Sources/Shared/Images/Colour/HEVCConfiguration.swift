/// The `hvcC` box (ISO/IEC 14496-15, 8.3.3), whose sequence parameter set has the colours of the picture.
enum HEVCConfiguration {
    /// nil where the set says nothing of them, or cannot be read.
    static func colour(_ box: [UInt8]) -> CodedColour? {
        let view = ByteView(box)
        guard let arrays = view.byte(22) else { return nil }
        var offset = 23
        for _ in 0..<arrays {
            guard let kind = view.byte(offset), let count = view.number(2, at: offset + 1) else { return nil }
            offset += 3
            for _ in 0..<count {
                guard let size = view.number(2, at: offset), let unit = view.slice(offset + 2, size) else { return nil }
                if kind & 0x3F == 33 {
                    var reader = BitReader(withoutEmulationPrevention(Array(unit.dropFirst(2))))
                    return colour(&reader)
                }
                offset += 2 + size
            }
        }
        return nil
    }

    private static func withoutEmulationPrevention(_ unit: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        var zeros = 0
        for byte in unit {
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            kept.append(byte)
        }
        return kept
    }

    /// Goes through `seq_parameter_set_rbsp` (ISO/IEC 23008-2, 7.3.2.2) up to the colours of `vui_parameters` (E.2.1).
    private static func colour(_ reader: inout BitReader) -> CodedColour? {
        reader.skip(4)
        guard let subLayers = reader.bits(3), reader.skip(1), skipProfile(&reader, subLayers),
            reader.golomb() != nil, let chroma = reader.golomb()
        else { return nil }
        if chroma == 3 { reader.skip(1) }
        guard reader.golomb() != nil, reader.golomb() != nil, let isCropped = reader.flag() else { return nil }
        if isCropped { for _ in 0..<4 where reader.golomb() == nil { return nil } }
        guard reader.golomb() != nil, reader.golomb() != nil, let pictureCountBits = reader.golomb(),
            let hasEachLayer = reader.flag()
        else { return nil }
        for _ in (hasEachLayer ? 0 : subLayers)...subLayers {
            for _ in 0..<3 where reader.golomb() == nil { return nil }
        }
        for _ in 0..<6 where reader.golomb() == nil { return nil }
        guard let hasScaling = reader.flag() else { return nil }
        if hasScaling, reader.flag() == true, !skipScalingLists(&reader) { return nil }
        reader.skip(2)
        guard let hasPCM = reader.flag() else { return nil }
        if hasPCM {
            reader.skip(8)
            guard reader.golomb() != nil, reader.golomb() != nil, reader.skip(1) else { return nil }
        }
        guard skipReferenceSets(&reader), let hasLongTerm = reader.flag() else { return nil }
        if hasLongTerm {
            guard let count = reader.golomb(), count <= 32 else { return nil }
            reader.skip(count * (min(pictureCountBits, 12) + 4 + 1))
        }
        reader.skip(2)
        guard reader.flag() == true else { return nil }
        return vuiColour(&reader)
    }

    private static func vuiColour(_ reader: inout BitReader) -> CodedColour? {
        guard let hasAspect = reader.flag() else { return nil }
        if hasAspect, reader.bits(8) == 255 { reader.skip(32) }
        if reader.flag() == true { reader.skip(1) }
        guard reader.flag() == true, reader.skip(4), reader.flag() == true, let primaries = reader.bits(8),
            let transfer = reader.bits(8)
        else { return nil }
        return CodedColour(primaries: primaries, transfer: transfer)
    }

    private static func skipProfile(_ reader: inout BitReader, _ subLayers: Int) -> Bool {
        guard reader.skip(88 + 8) else { return false }
        var present: [(profile: Bool, level: Bool)] = []
        for _ in 0..<subLayers {
            guard let profile = reader.flag(), let level = reader.flag() else { return false }
            present.append((profile, level))
        }
        if subLayers > 0 { reader.skip((8 - subLayers) * 2) }
        for layer in present { reader.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0)) }
        return true
    }

    private static func skipScalingLists(_ reader: inout BitReader) -> Bool {
        for size in 0..<4 {
            for _ in stride(from: 0, to: 6, by: size == 3 ? 3 : 1) {
                guard let isCoded = reader.flag() else { return false }
                guard isCoded else {
                    if reader.golomb() == nil { return false }
                    continue
                }
                let count = min(64, 1 << (4 + size << 1))
                if size > 1, reader.golomb() == nil { return false }
                for _ in 0..<count where reader.golomb() == nil { return false }
            }
        }
        return true
    }

    private static func skipReferenceSets(_ reader: inout BitReader) -> Bool {
        guard let count = reader.golomb(), count <= 64 else { return false }
        var previous = 0
        for index in 0..<count {
            var isPredicted = false
            if index > 0 {
                guard let predicted = reader.flag() else { return false }
                isPredicted = predicted
            }
            if isPredicted {
                guard reader.skip(1), reader.golomb() != nil else { return false }
                var kept = 0
                for _ in 0...previous {
                    guard let isUsed = reader.flag() else { return false }
                    if isUsed {
                        kept += 1
                    } else {
                        guard let usesDelta = reader.flag() else { return false }
                        kept += usesDelta ? 1 : 0
                    }
                }
                previous = kept
            } else {
                guard let negative = reader.golomb(), let positive = reader.golomb(), negative <= 16, positive <= 16
                else { return false }
                for _ in 0..<negative + positive {
                    guard reader.golomb() != nil, reader.skip(1) else { return false }
                }
                previous = negative + positive
            }
        }
        return true
    }
}
