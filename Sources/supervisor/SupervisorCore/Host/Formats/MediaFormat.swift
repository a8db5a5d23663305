internal import JobModel

/// The format of a file, told by its first bytes or, failing that, by its name. It is a guess: the stages look for
/// themselves.
struct MediaFormat: Sendable, Equatable {
    var kind: MediaKind
    var mimeType: String

    /// So many bytes at a file's beginning tell its format.
    static let signatureBytes = 512

    init(_ kind: MediaKind, _ mimeType: String) {
        self.kind = kind
        self.mimeType = mimeType
    }

    /// - Parameter head: the file's first bytes, at most ``signatureBytes``.
    init?(head: [UInt8]) {
        if let format = Self.isoBaseMedia(head) ?? Self.riff(head) {
            self = format
            return
        }
        for (signature, format) in Self.signatures where head.starts(with: signature) {
            self = format
            return
        }
        // A transport stream has packets of 188 bytes, each with the same first byte.
        if head.count > 376, head[0] == 0x47, head[188] == 0x47, head[376] == 0x47 {
            self.init(.video, "video/mp2t")
            return
        }
        return nil
    }

    init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex,
            let format = Self.extensions[fileName[fileName.index(after: dot)...].lowercased()]
        else { return nil }
        self = format
    }

    private static let signatures: [([UInt8], MediaFormat)] = [
        ([0xFF, 0xD8, 0xFF], .init(.image, "image/jpeg")),
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], .init(.image, "image/png")),
        (Array("GIF87a".utf8), .init(.image, "image/gif")),
        (Array("GIF89a".utf8), .init(.image, "image/gif")),
        ([0x49, 0x49, 0x2A, 0x00], .init(.image, "image/tiff")),
        ([0x4D, 0x4D, 0x00, 0x2A], .init(.image, "image/tiff")),
        ([0x49, 0x49, 0x2B, 0x00], .init(.image, "image/tiff")),
        ([0x4D, 0x4D, 0x00, 0x2B], .init(.image, "image/tiff")),
        ([0xFF, 0x0A], .init(.image, "image/jxl")),
        ([0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20], .init(.image, "image/jxl")),
        (Array("FUJIFILMCCD-RAW".utf8), .init(.image, "image/x-fuji-raf")),
        (Array("IIRO".utf8), .init(.image, "image/x-olympus-orf")),
        (Array("IIU\0".utf8), .init(.image, "image/x-panasonic-rw2")),
        // EBML: Matroska and WebM.
        ([0x1A, 0x45, 0xDF, 0xA3], .init(.video, "video/x-matroska")),
        ([0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], .init(.video, "video/x-ms-wmv")),
        (Array("FLV\u{1}".utf8), .init(.video, "video/x-flv")),
        ([0x00, 0x00, 0x01, 0xBA], .init(.video, "video/mpeg")),
        ([0x00, 0x00, 0x01, 0xB3], .init(.video, "video/mpeg")),
        (Array("OggS".utf8), .init(.video, "video/ogg")),
    ]

    /// Brands of ISO/IEC 14496-12 files that hold pictures (ISO/IEC 23008-12, AVIF).
    private static let heifBrands: Set<String> = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"]
    private static let avifBrands: Set<String> = ["avif", "avis"]

    private static func isoBaseMedia(_ head: [UInt8]) -> MediaFormat? {
        guard head.count >= 12 else { return nil }
        switch String(decoding: head[4..<8], as: UTF8.self) {
        case "ftyp": break
        // QuickTime files of before brands.
        case "moov", "mdat", "wide", "pnot": return .init(.video, "video/quicktime")
        default: return nil
        }
        let length = head[0..<4].reduce(0) { $0 << 8 | Int($1) }
        var brands = [String(decoding: head[8..<12], as: UTF8.self)]
        // The minor version is between the major brand and the compatible ones.
        var offset = 16
        while offset + 4 <= min(length, head.count) {
            brands.append(String(decoding: head[offset..<offset + 4], as: UTF8.self))
            offset += 4
        }
        let major = brands[0]
        if major == "crx " { return .init(.image, "image/x-canon-cr3") }
        if avifBrands.contains(major) { return .init(.image, "image/avif") }
        if heifBrands.contains(major) {
            // A generic picture brand first, the coding among the compatible ones.
            return .init(.image, brands.contains { avifBrands.contains($0) } ? "image/avif" : "image/heic")
        }
        return .init(.video, major == "qt  " ? "video/quicktime" : "video/mp4")
    }

    private static func riff(_ head: [UInt8]) -> MediaFormat? {
        guard head.count >= 12, head.starts(with: Array("RIFF".utf8)) else { return nil }
        return switch String(decoding: head[8..<12], as: UTF8.self) {
        case "WEBP": .init(.image, "image/webp")
        case "AVI ": .init(.video, "video/x-msvideo")
        default: nil
        }
    }

    private static let extensions: [String: MediaFormat] = [
        "jpg": .init(.image, "image/jpeg"), "jpeg": .init(.image, "image/jpeg"), "jpe": .init(.image, "image/jpeg"),
        "png": .init(.image, "image/png"), "gif": .init(.image, "image/gif"), "webp": .init(.image, "image/webp"),
        "tif": .init(.image, "image/tiff"), "tiff": .init(.image, "image/tiff"), "heic": .init(.image, "image/heic"),
        "heif": .init(.image, "image/heif"), "avif": .init(.image, "image/avif"),
        "jxl": .init(.image, "image/jxl"), "dng": .init(.image, "image/x-adobe-dng"),
        "nef": .init(.image, "image/x-nikon-nef"), "arw": .init(.image, "image/x-sony-arw"),
        "cr2": .init(.image, "image/x-canon-cr2"), "cr3": .init(.image, "image/x-canon-cr3"),
        "raf": .init(.image, "image/x-fuji-raf"), "orf": .init(.image, "image/x-olympus-orf"),
        "rw2": .init(.image, "image/x-panasonic-rw2"),
        "mp4": .init(.video, "video/mp4"), "m4v": .init(.video, "video/mp4"), "mov": .init(.video, "video/quicktime"),
        "qt": .init(.video, "video/quicktime"), "mkv": .init(.video, "video/x-matroska"),
        "webm": .init(.video, "video/webm"), "avi": .init(.video, "video/x-msvideo"),
        "wmv": .init(.video, "video/x-ms-wmv"), "flv": .init(.video, "video/x-flv"),
        "mpg": .init(.video, "video/mpeg"), "mpeg": .init(.video, "video/mpeg"), "ts": .init(.video, "video/mp2t"),
        "m2ts": .init(.video, "video/mp2t"), "mts": .init(.video, "video/mp2t"), "ogv": .init(.video, "video/ogg"),
        "3gp": .init(.video, "video/3gpp"),
    ]
}
