import Testing

@testable import Digests

@Suite("HMAC with SHA-256, and MD5")
struct HMACSHA256Tests {
    @Test(
        "has the codes of RFC 4231",
        arguments: [
            (
                [UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xaa, count: 20), [UInt8](repeating: 0xdd, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            // A key that is longer than a block.
            (
                [UInt8](repeating: 0xaa, count: 131),
                Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
        ]
    )
    func codes(key: [UInt8], message: [UInt8], code: String) {
        #expect(Hexadecimal.text(HMACSHA256.code(of: message, key: key)) == code)
    }

    @Test(
        "MD5 has the digests of RFC 1321",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ]
    )
    func digests(text: String, digest: String) throws {
        for half in [0, text.utf8.count / 2, text.utf8.count] {
            guard var md5 = MD5() else {
                Issue.record("libcrypto has no MD5")
                return
            }
            md5.update(Array(text.utf8.prefix(half)).span.bytes)
            md5.update(Array(text.utf8.dropFirst(half)).span.bytes)
            #expect(Hexadecimal.text(md5.finish()) == digest)
        }
    }
}
