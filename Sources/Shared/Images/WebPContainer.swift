/// The container of a WebP file (RFC 9649): `RIFF`, a size, `WEBP`, and then chunks of a name, a size and content.
enum WebPContainer {
    private static let metadataChunks = ["EXIF", "XMP ", "ICCP"]
    /// The flags of the `VP8X` chunk that announce them.
    private static let metadataFlags: UInt8 = 0x20 | 0x08 | 0x04

    /// The same picture without EXIF, XMP and ICC profile. libvips 8.14 writes an EXIF block of its own even when it is
    /// told to strip.
    ///
    /// - Throws: ``ImageError/Code/encodeFailed`` if `file` is not complete.
    static func withoutMetadata(_ file: [UInt8]) throws(ImageError) -> [UInt8] {
        var kept: [UInt8] = Array(file.prefix(12))
        kept.reserveCapacity(file.count)
        var rest = file.dropFirst(12)
        while !rest.isEmpty {
            guard rest.count >= 8 else { throw incomplete }
            let name = String(decoding: rest.prefix(4), as: UTF8.self)
            let size = rest.dropFirst(4).prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            // Chunks start at even offsets.
            let total = 8 + size + size % 2
            guard rest.count >= total else { throw incomplete }
            if !metadataChunks.contains(name) {
                let start = kept.count
                kept += rest.prefix(total)
                if name == "VP8X", size > 0 { kept[start + 8] &= ~metadataFlags }
            }
            rest = rest.dropFirst(total)
        }
        guard kept.count > 12 else { throw incomplete }
        let size = UInt32(clamping: kept.count - 8)
        for index in 0..<4 { kept[4 + index] = UInt8(truncatingIfNeeded: size >> UInt32(index * 8)) }
        return kept
    }

    private static var incomplete: ImageError {
        ImageError(.encodeFailed, "the WebP file that libvips made is not complete")
    }
}
