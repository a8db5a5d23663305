/// The formats that are read, told apart by their first bytes and never by a file name.
///
/// A closed list: libvips can read far more (SVG, PDF, camera raw through ImageMagick, …), by code that is not meant
/// for files from strangers.
enum SourceFormat: Sendable, Equatable {
    case jpeg
    case png
    case gif
    case webp
    case tiff
    /// HEIC, HEIF or AVIF; which codec is inside is known once it is loaded.
    case heif

    static let accepted = "JPEG, PNG, WebP, HEIC, AVIF, GIF and TIFF"

    /// As many bytes as ``init(firstBytes:)`` looks at.
    static let sniffedByteCount = 64

    init?(firstBytes bytes: [UInt8]) {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
            self = .gif
        } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
            self = .webp
        } else if Self.tiffMarks.contains(where: bytes.starts(with:)) {
            self = .tiff
        } else if Self.isHEIF(bytes) {
            self = .heif
        } else {
            return nil
        }
    }

    /// Byte order and version of TIFF (42) and BigTIFF (43).
    private static let tiffMarks: [[UInt8]] = [
        [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],
    ]

    private static let heifBrands: Set<String> = [
        "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "msf1", "avif", "avis",
    ]

    /// An ISO base media file whose major or one of whose compatible brands is of HEIF (ISO/IEC 23008-12).
    private static func isHEIF(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= 16, bytes[4..<8].elementsEqual("ftyp".utf8) else { return false }
        let boxSize = bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
        let end = min(boxSize, bytes.count)
        // The major brand, then the minor version, which is no brand, then the compatible brands.
        return stride(from: 8, through: end - 4, by: 4).contains { offset in
            offset != 12 && heifBrands.contains(String(decoding: bytes[offset..<offset + 4], as: UTF8.self))
        }
    }

    /// A description of a file of another kind, for the error message.
    static func describeUnsupported(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        let known: [(String, String)] = [
            ("%PDF", "PDF"), ("<svg", "SVG"), ("8BPS", "Photoshop"), ("BM", "BMP"), ("push graphic", "MVG"),
            ("viewbox", "MVG"), ("%!PS", "PostScript"), ("\u{0}\u{0}\u{0}\u{0C}JXL ", "JPEG XL"),
        ]
        for (mark, name) in known where text.hasPrefix(mark) {
            return "a \(name) file"
        }
        if bytes.starts(with: [0xFF, 0x0A]) { return "a JPEG XL file" }
        if bytes.starts(with: [0, 0, 0, 0x0C, 0x6A, 0x50]) { return "a JPEG 2000 file" }
        if bytes.count >= 8, bytes[4..<8].elementsEqual("ftyp".utf8) { return "a video or another ISO media file" }
        if text.hasPrefix("<?xml") { return text.contains("<svg") ? "an SVG file" : "an XML file" }
        let isText = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        return isText ? "text" : "in no known image format"
    }

    /// The loader and MIME type by name; `heifCompression` is libvips' name of the codec inside.
    func names(heifCompression: String?) -> (format: String, mimeType: String) {
        switch self {
        case .jpeg: ("jpeg", "image/jpeg")
        case .png: ("png", "image/png")
        case .gif: ("gif", "image/gif")
        case .webp: ("webp", "image/webp")
        case .tiff: ("tiff", "image/tiff")
        case .heif: heifCompression == "av1" ? ("avif", "image/avif") : ("heif", "image/heic")
        }
    }
}
