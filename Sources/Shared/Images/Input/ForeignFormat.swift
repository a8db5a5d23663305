/// The names of files that are not read, by their first bytes, for the error message.
enum ForeignFormat {
    /// - Parameter bytes: the first ``SourceFormat/sniffedByteCount`` bytes.
    static func describe(_ bytes: [UInt8]) -> String {
        for (mark, offset, name) in marks where ByteView(bytes).has(mark, at: offset) { return name }
        for (mark, name) in binaryMarks where bytes.starts(with: mark) { return name }
        if ByteView(bytes).has("ftyp", at: 4) { return "a video or another ISO media file" }
        if bytes.starts(with: [0x42, 0x4D]) { return "a BMP file" }
        return describeText(bytes)
    }

    /// Whether nothing is known of the bytes: they are no text and have no mark.
    static func isUnknown(_ bytes: [UInt8]) -> Bool { describe(bytes) == unknown }

    private static let unknown = "in no known image format"

    private static let marks: [(String, Int, String)] = [
        ("%PDF", 0, "a PDF file"), ("8BPS", 0, "a Photoshop file (PSD)"), ("push graphic", 0, "an MVG file"),
        ("viewbox", 0, "an MVG file"), ("%!PS", 0, "a PostScript file (EPS)"), ("gimp xcf", 0, "a GIMP file (XCF)"),
        ("icns", 0, "an Apple icon (ICNS)"), ("DDS ", 0, "a DirectDraw surface (DDS)"), ("qoif", 0, "a QOI file"),
        ("#?RADIANCE", 0, "a Radiance file (HDR)"), ("#?RGBE", 0, "a Radiance file (HDR)"), ("FLIF", 0, "a FLIF file"),
        ("AT&TFORM", 0, "a DjVu file"), ("SIMPLE  =", 0, "a FITS file"), ("farbfeld", 0, "a farbfeld file"),
        ("RIFF", 0, "a RIFF file (AVI, WAV or the like)"), (" EMF", 40, "a Windows metafile (EMF)"),
    ]

    private static let binaryMarks: [([UInt8], String)] = [
        ([0, 0, 0, 0x0C, 0x6A, 0x50], "a JPEG 2000 file"), ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 file"),
        ([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL file"), ([0xFF, 0x0A], "a JPEG XL file"),
        ([0, 0, 1, 0], "an icon (ICO)"), ([0, 0, 2, 0], "a cursor (CUR)"),
        ([0xC5, 0xD0, 0xD3, 0xC6], "a PostScript file (EPS)"), ([0x76, 0x2F, 0x31, 0x01], "an OpenEXR file"),
        ([0x49, 0x49, 0xBC], "a JPEG XR file"), ([0xD7, 0xCD, 0xC6, 0x9A], "a Windows metafile (WMF)"),
        ([0x8A, 0x4D, 0x4E, 0x47], "an MNG file"), ([0x8B, 0x4A, 0x4E, 0x47], "a JNG file"),
        ([0x42, 0x50, 0x47, 0xFB], "a BPG file"), ([0x1F, 0x8B], "a file packed with gzip (SVGZ or another)"),
        ([0x50, 0x4B, 3, 4], "a ZIP archive or a document in one"),
    ]

    private static func describeText(_ bytes: [UInt8]) -> String {
        var text = bytes[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        text = text.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        if contains("<svg", text) { return "an SVG file" }
        if text.starts(with: "<?xml".utf8) { return "an XML file" }
        if text.starts(with: "<!--".utf8) { return "an XML or HTML file" }
        if text.starts(with: "<!DOCTYPE".utf8) || text.starts(with: "<html".utf8) {
            return contains("DOCTYPE svg", text) ? "an SVG file" : "an HTML page"
        }
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        if !isText, let kind = text.dropFirst().first, text.first == UInt8(ascii: "P"), (0x31...0x37).contains(kind) {
            return "a portable pixmap (PNM)"
        }
        return isText ? "text" : unknown
    }

    private static func contains(_ words: String, _ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: words.utf8) }
    }
}
