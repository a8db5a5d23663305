internal import CCrypto
internal import Synchronization

/// A digest of bytes that come in pieces, for checking what others say of them. SHA-1 and MD5 find damage and no
/// malice.
///
/// Sendable: its state is read and written under ``lock`` alone.
package final class RunningDigest: @unchecked Sendable {
    package enum Kind: Sendable, Hashable {
        case md5, sha1, sha256
        /// ISO 3309, as in gzip; the digest is in network order.
        case crc32
        /// Castagnoli's polynomial (RFC 3720); the digest is in network order.
        case crc32c
    }

    private enum State {
        case digest(context: OpaquePointer, byteCount: Int)
        case checksum(CRC32)
    }

    private let lock = Mutex(())
    private var state: State

    /// nil for MD5 and SHA-1 where libcrypto was built without them.
    package init?(_ kind: Kind) {
        let algorithm: Algorithm?
        let byteCount: Int
        switch kind {
        case .md5: (algorithm, byteCount) = (Algorithm.md5, 16)
        case .sha1: (algorithm, byteCount) = (Algorithm.sha1, 20)
        case .sha256: (algorithm, byteCount) = (Algorithm.sha256, SHA256.byteCount)
        case .crc32:
            state = .checksum(CRC32(.iso))
            return
        case .crc32c:
            state = .checksum(CRC32(.castagnoli))
            return
        }
        guard let algorithm else { return nil }
        guard let context = EVP_MD_CTX_new() else { Algorithm.fail("EVP_MD_CTX_new") }
        Algorithm.require(EVP_DigestInit_ex2(context, algorithm.pointer, nil), "EVP_DigestInit_ex2")
        state = .digest(context: context, byteCount: byteCount)
    }

    deinit {
        if case .digest(let context, _) = state { EVP_MD_CTX_free(context) }
    }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        // libcrypto may refuse an empty piece without an address.
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        lock.withLock { _ in
            switch state {
            case .digest(let context, _):
                Algorithm.require(EVP_DigestUpdate(context, start, bytes.count), "EVP_DigestUpdate")
            case .checksum(var checksum):
                checksum.update(bytes)
                state = .checksum(checksum)
            }
        }
    }

    /// The digest of all bytes so far. Once.
    package func finish() -> [UInt8] {
        lock.withLock { _ in
            switch state {
            case .digest(let context, let byteCount):
                [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
                    Algorithm.require(EVP_DigestFinal_ex(context, digest.baseAddress, nil), "EVP_DigestFinal_ex")
                    count = byteCount
                }
            case .checksum(let checksum): checksum.bytes
            }
        }
    }
}
