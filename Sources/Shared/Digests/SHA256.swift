internal import CCrypto

/// SHA-256 (FIPS 180-4), by libcrypto, of bytes that come in pieces.
///
/// Nothing here fails but for want of memory, which ends the process, as it does everywhere in Swift: a wrong digest
/// would name another job's directory.
package struct SHA256: ~Copyable {
    package static let byteCount = 32

    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new() else { Algorithm.fail("EVP_MD_CTX_new") }
        self.context = context
        Algorithm.require(EVP_DigestInit_ex2(context, Algorithm.sha256.pointer, nil), "EVP_DigestInit_ex2")
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { bytes in
            // libcrypto may refuse an empty piece without an address.
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
            Algorithm.require(EVP_DigestUpdate(context, start, bytes.count), "EVP_DigestUpdate")
        }
    }

    /// - Returns: 32 bytes.
    package consuming func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { digest, count in
            Algorithm.require(EVP_DigestFinal_ex(context, digest.baseAddress, nil), "EVP_DigestFinal_ex")
            count = Self.byteCount
        }
    }

    /// - Returns: 32 bytes.
    package static func digest(of bytes: RawSpan) -> [UInt8] {
        var digest = SHA256()
        digest.update(bytes)
        return digest.finish()
    }

    /// - Returns: 32 bytes.
    package static func digest(of bytes: [UInt8]) -> [UInt8] { digest(of: bytes.span.bytes) }
}
