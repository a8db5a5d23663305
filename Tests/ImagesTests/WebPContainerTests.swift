import Testing

@testable import Images

@Suite struct WebPContainerTests {
    private func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        Array(name.utf8) + [UInt8(content.count), 0, 0, 0] + content + [UInt8](repeating: 0, count: content.count % 2)
    }

    private func file(_ chunks: [UInt8]) -> [UInt8] {
        Array("RIFF".utf8) + [UInt8(chunks.count + 4), 0, 0, 0] + Array("WEBP".utf8) + chunks
    }

    @Test func metadataAndItsFlagsGoAndTheRestStays() throws {
        let size: [UInt8] = [0, 0, 0, 9, 0, 0, 9, 0, 0]
        let pixels = chunk("ALPH", [1, 2, 3]) + chunk("VP8 ", [4, 5])
        let tagged = file(
            chunk("VP8X", [0x3C] + size) + chunk("ICCP", [7]) + pixels + chunk("EXIF", [8, 8]) + chunk("XMP ", [9])
        )
        #expect(try WebPContainer.withoutMetadata(tagged) == file(chunk("VP8X", [0x10] + size) + pixels))
    }

    @Test(arguments: [0, 5, 12, 15, 20, 23])
    func anIncompleteFileIsAnError(count: Int) throws {
        let whole = file(chunk("VP8L", [1, 2, 3, 4]))
        let error = try imageError { _ = try WebPContainer.withoutMetadata(Array(whole.prefix(count))) }
        #expect(error.code == .encodeFailed)
    }

    @Test func aChunkOfTheLargestSizeIsAnError() throws {
        let file = file(Array("VP8L".utf8) + [0xFF, 0xFF, 0xFF, 0xFF])
        let error = try imageError { _ = try WebPContainer.withoutMetadata(file) }
        #expect(error.code == .encodeFailed)
    }
}
