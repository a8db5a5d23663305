/// Parts of image files, byte by byte.
enum Fixtures {
    private static func bigEndian(_ value: Int, bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    /// The content of an EXIF block (TIFF 6.0 structure, big-endian): orientation, maker, and a GPS latitude.
    static func exif(orientation: Int) -> [UInt8] {
        func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
            bigEndian(tag, bytes: 2) + bigEndian(type, bytes: 2) + bigEndian(count, bytes: 4) + value
        }
        let gpsOffset = 8 + 2 + 3 * 12 + 4
        let latitudeOffset = gpsOffset + 2 + 2 * 12 + 4
        let first =
            bigEndian(3, bytes: 2)
            + entry(0x010F, 2, 4, Array("Cam\0".utf8))
            + entry(0x0112, 3, 1, bigEndian(orientation, bytes: 2) + [0, 0])
            + entry(0x8825, 4, 1, bigEndian(gpsOffset, bytes: 4))
            + bigEndian(0, bytes: 4)
        let gps =
            bigEndian(2, bytes: 2)
            + entry(0x0001, 2, 2, Array("N\0\0\0".utf8))
            + entry(0x0002, 5, 3, bigEndian(latitudeOffset, bytes: 4))
            + bigEndian(0, bytes: 4)
        let latitude = [48, 1, 8, 1, 15, 1].flatMap { bigEndian($0, bytes: 4) }
        return Array("MM".utf8) + bigEndian(42, bytes: 2) + bigEndian(8, bytes: 4) + first + gps + latitude
    }

    static let xmp = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><secret>home address</secret></x:xmpmeta>"

    /// A JPEG with EXIF and XMP put in front of everything else.
    static func tagging(jpeg: [UInt8], orientation: Int) -> [UInt8] {
        func segment(_ marker: UInt8, _ content: [UInt8]) -> [UInt8] {
            [0xFF, marker] + bigEndian(content.count + 2, bytes: 2) + content
        }
        return Array(jpeg[0..<2])
            + segment(0xE1, Array("Exif\0\0".utf8) + exif(orientation: orientation))
            + segment(0xE1, Array("http://ns.adobe.com/xap/1.0/\0".utf8) + Array(xmp.utf8))
            + segment(0xFE, Array("a comment".utf8))
            + Array(jpeg[2...])
    }

    /// A PNG chunk, complete with its checksum.
    static func pngChunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let checked = Array(type.utf8) + content
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in checked {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return bigEndian(content.count, bytes: 4) + checked + bigEndian(Int(~crc), bytes: 4)
    }

    /// A PNG that claims a size and has next to no pixels.
    static func png(claiming width: Int, _ height: Int) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            + pngChunk("IHDR", bigEndian(width, bytes: 4) + bigEndian(height, bytes: 4) + [8, 2, 0, 0, 0])
            + pngChunk("IDAT", [0x78, 0x9C, 0x63, 0, 0, 0, 1, 0, 1])
            + pngChunk("IEND", [])
    }

    /// An ICC matrix profile (version 2.1, display, RGB to XYZ): one tone curve and the three colourants relative to
    /// D50.
    static func profile(
        gamma: Double,
        red: [Double],
        green: [Double],
        blue: [Double]
    ) -> [UInt8] {
        func fixed(_ value: Double) -> [UInt8] { bigEndian(Int((value * 65_536).rounded()), bytes: 4) }
        func xyz(_ values: [Double]) -> [UInt8] { Array("XYZ \0\0\0\0".utf8) + values.flatMap(fixed) }
        let name = Array("test\0".utf8)
        let description =
            Array("desc\0\0\0\0".utf8) + bigEndian(name.count, bytes: 4) + name
            + [UInt8](repeating: 0, count: 4 + 4 + 2 + 1 + 67)
        let curve =
            Array("curv\0\0\0\0".utf8) + bigEndian(1, bytes: 4) + bigEndian(Int((gamma * 256).rounded()), bytes: 2)
        let tags: [(String, [UInt8])] = [
            ("desc", description), ("cprt", Array("text\0\0\0\0none\0".utf8)), ("wtpt", xyz([0.9642, 1, 0.8249])),
            ("rXYZ", xyz(red)), ("gXYZ", xyz(green)), ("bXYZ", xyz(blue)),
            ("rTRC", curve), ("gTRC", curve), ("bTRC", curve),
        ]
        var table = bigEndian(tags.count, bytes: 4)
        var data: [UInt8] = []
        let start = 128 + 4 + tags.count * 12
        for (signature, content) in tags {
            table += Array(signature.utf8) + bigEndian(start + data.count, bytes: 4)
            table += bigEndian(content.count, bytes: 4)
            data += content + [UInt8](repeating: 0, count: (4 - content.count % 4) % 4)
        }
        var header = bigEndian(128 + table.count + data.count, bytes: 4)
        header += [UInt8](repeating: 0, count: 4) + [2, 0x10, 0, 0] + Array("mntrRGB XYZ ".utf8)
        header += [UInt8](repeating: 0, count: 12) + Array("acsp".utf8) + [UInt8](repeating: 0, count: 28)
        header += [0.9642, 1, 0.8249].flatMap(fixed)
        header += [UInt8](repeating: 0, count: 128 - header.count)
        return header + table + data
    }

    /// Adobe RGB (1998).
    static let adobeRGB = profile(
        gamma: 2.199_218_75,
        red: [0.609_74, 0.311_11, 0.019_47],
        green: [0.205_28, 0.625_67, 0.060_87],
        blue: [0.149_19, 0.063_22, 0.744_57]
    )

    /// sRGB's primaries, with red and green exchanged.
    static let swapped = profile(
        gamma: 2.2,
        red: [0.385_15, 0.716_87, 0.097_08],
        green: [0.436_07, 0.222_49, 0.013_92],
        blue: [0.143_07, 0.060_61, 0.714_10]
    )
}
