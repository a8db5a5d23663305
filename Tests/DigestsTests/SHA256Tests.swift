import Testing

@testable import Digests

/// Vectors of NIST (FIPS 180-4 examples) and of what the product has written on disks before.
@Suite("SHA-256")
struct SHA256Tests {
    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    @Test(
        "has the known digests",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ]
    )
    func vectors(text: String, digest: String) {
        #expect(Self.hex(SHA256.digest(of: Array(text.utf8))) == digest)
    }

    @Test(
        "of a million letters is known, whatever the pieces that they come in",
        arguments: [1, 63, 64, 65, 4096, 1_000_000]
    )
    func million(piece: Int) {
        let letters = [UInt8](repeating: UInt8(ascii: "a"), count: piece)
        var digest = SHA256()
        var left = 1_000_000
        while left > 0 {
            let count = min(left, piece)
            digest.update(letters.span.bytes.extracting(0..<count))
            left -= count
        }
        #expect(Self.hex(digest.finish()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("takes empty pieces anywhere, and an instance that is dropped is freed")
    func emptyPieces() {
        let nothing: [UInt8] = []
        var digest = SHA256()
        digest.update(nothing.span.bytes)
        digest.update(Array("abc".utf8).span.bytes)
        digest.update(nothing.span.bytes)
        #expect(digest.finish() == SHA256.digest(of: Array("abc".utf8)))
        for _ in 0..<1000 {
            var dropped = SHA256()
            dropped.update(Array("abc".utf8).span.bytes)
        }
    }

    @Test("is the same on many threads at once")
    func concurrently() async {
        let expected = SHA256.digest(of: Array("abc".utf8))
        let right = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask { (0..<100).allSatisfy { _ in SHA256.digest(of: Array("abc".utf8)) == expected } }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(right == 64)
    }
}
