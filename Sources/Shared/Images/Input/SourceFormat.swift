/// The formats that can be read, told apart by their first bytes and never by a file name.
///
/// A closed list: libvips can read far more (PDF, BMP through ImageMagick, …), by code that is not meant for files from
/// strangers. ``ImagePolicy/formats`` has those that are accepted.
package enum SourceFormat: String, Codable, Sendable, CaseIterable {
    case jpeg
    case png
    case gif
    case webp
    case tiff
    /// HEIC, HEIF or AVIF; which codec is inside is known once it is loaded.
    case heif
    case jxl
    /// A camera's raw file, by the JPEG within it.
    case raw
    case jp2
    case svg
    case pnm

    /// Accepted unless somebody says otherwise. The others are read by libraries that see few files of strangers.
    package static let usual: Set<SourceFormat> = [.jpeg, .png, .gif, .webp, .tiff, .heif, .jxl, .raw]

    /// As many bytes as are looked at to know a format, or to name a foreign one.
    static let sniffedByteCount = 4_096

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
        } else if bytes.starts(with: [0xFF, 0x0A]) || bytes.starts(with: [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]) {
            self = .jxl
        } else if bytes.starts(with: [0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20])
            || bytes.starts(with: [0xFF, 0x4F, 0xFF, 0x51])
        {
            self = .jp2
        } else if ForeignFormat.describe(bytes) == "an SVG file" {
            self = .svg
        } else if Self.isPNM(bytes) {
            self = .pnm
        } else {
            return nil
        }
    }

    /// Byte order and version of TIFF (42) and BigTIFF (43).
    private static let tiffMarks: [[UInt8]] = [
        [0x49, 0x49, 42, 0], [0x4D, 0x4D, 0, 42], [0x49, 0x49, 43, 0], [0x4D, 0x4D, 0, 43],
    ]

    private static let heifBrands: Set<String> = [
        "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs", "mif1", "mif2", "msf1", "avif", "avis", "tmap",
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

    private static func isPNM(_ bytes: [UInt8]) -> Bool {
        guard bytes.count > 3, bytes[0] == UInt8(ascii: "P"), (0x31...0x36).contains(bytes[1]) else { return false }
        return [0x20, 0x09, 0x0A, 0x0D].contains(bytes[2])
    }

    /// For the message about a file that is refused.
    var title: String {
        switch self {
        case .jpeg: "JPEG"
        case .png: "PNG"
        case .gif: "GIF"
        case .webp: "WebP"
        case .tiff: "TIFF"
        case .heif: "HEIC and AVIF"
        case .jxl: "JPEG XL"
        case .raw: "camera raw with a full preview"
        case .jp2: "JPEG 2000"
        case .svg: "SVG"
        case .pnm: "PNM"
        }
    }

    static func list(_ formats: Set<SourceFormat>) -> String {
        let names = allCases.filter(formats.contains).map(\.title)
        guard let last = names.last, names.count > 1 else { return names.first ?? "none" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }

    /// libvips' class of the loader.
    var loaderClass: String {
        switch self {
        case .jpeg, .raw: "VipsForeignLoadJpeg"
        case .png: "VipsForeignLoadPng"
        case .gif: "VipsForeignLoadNsgif"
        case .webp: "VipsForeignLoadWebp"
        case .tiff: "VipsForeignLoadTiff"
        case .heif: "VipsForeignLoadHeif"
        case .jxl: "VipsForeignLoadJxl"
        case .jp2: "VipsForeignLoadJp2k"
        case .svg: "VipsForeignLoadSvg"
        case .pnm: "VipsForeignLoadPpm"
        }
    }

    /// The format and MIME type by name; `heifCompression` is libvips' name of the codec inside.
    func names(heifCompression: String?) -> (format: String, mimeType: String) {
        switch self {
        case .jpeg, .raw: ("jpeg", "image/jpeg")
        case .png: ("png", "image/png")
        case .gif: ("gif", "image/gif")
        case .webp: ("webp", "image/webp")
        case .tiff: ("tiff", "image/tiff")
        case .heif: heifCompression == "av1" ? ("avif", "image/avif") : ("heif", "image/heic")
        case .jxl: ("jxl", "image/jxl")
        case .jp2: ("jp2", "image/jp2")
        case .svg: ("svg", "image/svg+xml")
        case .pnm: ("pnm", "image/x-portable-anymap")
        }
    }
}
