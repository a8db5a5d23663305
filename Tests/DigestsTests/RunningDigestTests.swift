import Digests
import Testing

@Suite("Digests of pieces")
struct RunningDigestTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// By OpenSSL, and the check values of the catalogue of parametrised CRC algorithms.
    private static let known: [(RunningDigest.Kind, String, String)] = [
        (.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        (.sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (.crc32, "123456789", "cbf43926"), (.crc32c, "123456789", "e3069283"), (.crc32, "", "00000000"),
        (.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
    ]

    @Test("are those that others compute", arguments: known.indices)
    func values(index: Int) throws {
        let (kind, text, expected) = Self.known[index]
        let digest = try #require(RunningDigest(kind))
        Array(text.utf8).withUnsafeBytes { digest.update($0) }
        #expect(hex(digest.finish()) == expected)
    }

    @Test(
        "do not depend on how the pieces are cut",
        arguments: [.md5, .sha1, .sha256, .crc32, .crc32c] as [RunningDigest.Kind]
    )
    func pieces(kind: RunningDigest.Kind) throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let whole = try #require(RunningDigest(kind))
        bytes.withUnsafeBytes { whole.update($0) }
        let expected = whole.finish()
        for length in [1, 3, 7, 8, 13, 999] {
            let cut = try #require(RunningDigest(kind))
            for start in stride(from: 0, to: bytes.count, by: length) {
                bytes[start..<min(start + length, bytes.count)].withUnsafeBytes { cut.update($0) }
            }
            #expect(cut.finish() == expected, "\(length)")
        }
    }
}
