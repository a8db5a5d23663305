import JobModel
import StageRuntime
import Testing

@testable import DownloadStage

@Suite("A source's first bytes")
struct ContentCheckTests {
    private func code(_ head: [UInt8], _ kind: MediaKind) -> String? {
        ContentCheck.refusal(of: head, for: kind)?.code
    }

    private static func box(_ brand: String) -> [UInt8] { [0, 0, 0, 24] + Array("ftyp\(brand)".utf8) + [0, 0, 0, 0] }

    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let windows: [UInt8] =
        Array("MZ".utf8) + [UInt8](repeating: 0, count: 58) + [0x40, 0, 0, 0] + Array("PE\0\0".utf8)

    @Test(
        "that are surely neither a video's nor an image's are refused for both",
        arguments: [
            ("<!DOCTYPE html><title>Access denied</title>", "not_media"), ("\u{FEFF}\r\n <HTML>", "not_media"),
            ("<?xml version=\"1.0\"?><html xmlns=\"x\">", "not_media"),
            ("<Error><Code>AccessDenied</Code>", "not_media"),
            ("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "not_media"),
            ("#EXTM3U\n#EXT-X-VERSION:3", "container_not_allowed"), ("[playlist]\nFile1=x", "container_not_allowed"),
            ("<?xml version=\"1.0\"?>\n<MPD xmlns=\"x\">", "container_not_allowed"), ("PK\u{3}\u{4}x", "not_media"),
            ("BZh9", "not_media"), ("Rar!\u{1A}\u{7}\u{1}", "not_media"), ("#!/bin/sh\n", "not_media"),
            (String(repeating: "x", count: 257) + "ustar", "not_media"), ("\u{7F}ELF", "not_media"),
        ]
    )
    func others(text: String, expected: String) {
        for kind in MediaKind.allCases { #expect(code(Array(text.utf8), kind) == expected) }
    }

    @Test("that are of packed files and executables are refused as well")
    func binary() {
        let heads: [[UInt8]] = [
            [0x1F, 0x8B, 0x08, 0], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], [0x28, 0xB5, 0x2F, 0xFD],
            [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], [0xCF, 0xFA, 0xED, 0xFE], Self.windows,
        ]
        for head in heads { #expect(code(head, .image) == "not_media" && code(head, .video) == "not_media") }
    }

    @Test("that are surely of the other kind are refused, and taken for their own")
    func kinds() {
        let images = [Self.png, [0xFF, 0xD8, 0xFF, 0xE0], Array("RIFF\0\0\0\0WEBPVP8 ".utf8)]
        let videos = [
            Self.box("isom"), Self.box("qt  "), [0x1A, 0x45, 0xDF, 0xA3, 0], Array("RIFF\0\0\0\0AVI LIST".utf8),
            Array("FLV\u{1}".utf8),
        ]
        for (kind, other, heads) in [(MediaKind.image, MediaKind.video, images), (.video, .image, videos)] {
            for head in heads {
                #expect(code(head, kind) == nil)
                #expect(code(head, other) == "wrong_kind")
            }
        }
    }

    @Test("that tell nothing for sure are left to the engines")
    func unsure() {
        let heads: [[UInt8]] = [
            [], [0], Array("this is no film\n".utf8), Array("GIF89a".utf8), Self.box("heic"), Self.box("avif"),
            Self.box("mif1"), Self.box("xxxx"), Array("<svg xmlns=\"x\">".utf8), Array("MZ is a text".utf8),
            Array("<?xml version=\"1.0\"?><svg>".utf8), [0x49, 0x49, 0x2A, 0x00], Array("PK".utf8),
            Array("RIFF\0\0\0\0WAVE".utf8), Array("moov".utf8), [0xFF, 0xD8],
            Array("MZ".utf8) + [UInt8](repeating: 255, count: 99),
        ]
        for head in heads { for kind in MediaKind.allCases { #expect(code(head, kind) == nil, "\(head)") } }
    }

    @Test("tell it as soon as they are there, however they are cut")
    func pieces() throws {
        let page = Array("<html>".utf8) + [UInt8](repeating: 0x20, count: 5000)
        for length in [1, 7, 4095, 5006] {
            var check = ContentCheck(.video)
            var given = 0
            #expect(throws: StageFailure.self) {
                for start in stride(from: 0, to: page.count, by: length) {
                    let piece = Array(page[start..<min(start + length, page.count)])
                    given += piece.count
                    try piece.withUnsafeBytes { try check.look($0) }
                }
            }
            #expect(given < 4096 + length)
        }
    }
}
