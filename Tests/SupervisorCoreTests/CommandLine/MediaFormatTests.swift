import JobModel
import Testing

@testable import SupervisorCore

struct MediaFormatTests {
    private static func isoMedia(_ brands: String...) -> [UInt8] {
        let length = UInt8(8 + 4 + 4 * brands.count)
        return [0, 0, 0, length] + Array("ftyp\(brands[0])".utf8) + [0, 0, 0, 0]
            + brands.dropFirst().flatMap { Array($0.utf8) } + Array("mdatjunkavif".utf8)
    }

    static let heads: [([UInt8], MediaKind, String)] = [
        ([0xFF, 0xD8, 0xFF, 0xE0, 0, 0x10], .image, "image/jpeg"),
        ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0], .image, "image/png"),
        (Array("GIF89a....".utf8), .image, "image/gif"),
        (Array("RIFF\u{1}\u{2}\u{3}\u{4}WEBPVP8 ".utf8), .image, "image/webp"),
        (Array("II*\u{0}....".utf8), .image, "image/tiff"),
        (Array("MM\u{0}*....".utf8), .image, "image/tiff"),
        (isoMedia("heic", "mif1"), .image, "image/heic"),
        (isoMedia("heix"), .image, "image/heic"),
        (isoMedia("mif1", "heic"), .image, "image/heic"),
        (isoMedia("mif1", "avif", "miaf"), .image, "image/avif"),
        (isoMedia("avif", "mif1"), .image, "image/avif"),
        (isoMedia("isom", "iso2", "avc1", "mp41"), .video, "video/mp4"),
        (isoMedia("qt  "), .video, "video/quicktime"),
        // The box after the brands is not of that format.
        (isoMedia("mp42"), .video, "video/mp4"),
        ([0, 0, 0, 8] + Array("wide".utf8) + [0, 0, 0, 0] + Array("mdat".utf8), .video, "video/quicktime"),
        (Array("RIFF\u{1}\u{2}\u{3}\u{4}AVI LIST".utf8), .video, "video/x-msvideo"),
        ([0x1A, 0x45, 0xDF, 0xA3, 1], .video, "video/x-matroska"),
        ([0, 0, 1, 0xBA, 0x44], .video, "video/mpeg"),
        (Array("FLV\u{1}\u{5}".utf8), .video, "video/x-flv"),
        ((0..<400).map { $0 % 188 == 0 ? 0x47 : 0 }, .video, "video/mp2t"),
    ]

    @Test("First bytes tell the format", arguments: heads)
    func head(bytes: [UInt8], kind: MediaKind, type: String) {
        #expect(MediaFormat(head: bytes) == MediaFormat(kind, type))
    }

    @Test(
        "Bytes that tell nothing, and every beginning of them, are no format and no trap",
        arguments: [
            [], Array("hello, world".utf8), Array("RIFF".utf8), Array("RIFFxxxxWAVE".utf8), [0xFF, 0xD8],
            [0xFF, 0xFF, 0xFF, 0xFF] + Array("ftyp".utf8), [0x47] + [UInt8](repeating: 0, count: 511),
        ]
    )
    func unknown(bytes: [UInt8]) {
        for length in 0...bytes.count { #expect(MediaFormat(head: Array(bytes[..<length])) == nil) }
    }

    @Test("A length field of any size is no trap", arguments: [[UInt8]]([[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF]]))
    func lengths(length: [UInt8]) {
        #expect(MediaFormat(head: length + Array("ftypisom".utf8) + [0, 0, 0])?.kind == .video)
    }

    @Test(
        "Without telling bytes the extension decides",
        arguments: [
            ("clip.MOV", MediaKind?.some(.video)), ("a.b.webm", .video), ("photo.JPeG", .image), ("x.heic", .image),
            ("noextension", nil), (".mp4", nil), ("archive.zip", nil), ("dot.", nil),
        ]
    )
    func fileName(name: String, kind: MediaKind?) {
        #expect(MediaFormat(fileName: name)?.kind == kind)
    }
}
