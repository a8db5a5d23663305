internal import CCrypto

/// A digest of bytes that come in pieces, by one algorithm of libcrypto.
struct MessageDigest: ~Copyable {
    private let context: OpaquePointer

    init(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new() else { Algorithm.fail("EVP_MD_CTX_new") }
        self.context = context
        Algorithm.require(EVP_DigestInit_ex2(context, algorithm.pointer, nil), "EVP_DigestInit_ex2")
    }

    deinit { EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { bytes in
            // libcrypto may refuse an empty piece without an address.
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
            Algorithm.require(EVP_DigestUpdate(context, start, bytes.count), "EVP_DigestUpdate")
        }
    }

    /// - Parameter byteCount: of the algorithm's digests.
    consuming func finish(byteCount: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
            Algorithm.require(EVP_DigestFinal_ex(context, digest.baseAddress, nil), "EVP_DigestFinal_ex")
            count = byteCount
        }
    }
}
