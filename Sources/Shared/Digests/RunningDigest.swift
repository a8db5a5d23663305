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

    private let lock = Mutex(())
    /// nil for the checksums, and after the end.
    private var digest: MessageDigest?
    private let byteCount: Int
    private var checksum: CRC32?

    /// nil for MD5 and SHA-1 where libcrypto was built without them.
    package init?(_ kind: Kind) {
        let algorithm: Algorithm?
        switch kind {
        case .md5: (algorithm, byteCount) = (Algorithm.md5, MD5.byteCount)
        case .sha1: (algorithm, byteCount) = (Algorithm.sha1, 20)
        case .sha256: (algorithm, byteCount) = (Algorithm.sha256, SHA256.byteCount)
        case .crc32, .crc32c:
            checksum = CRC32(kind == .crc32 ? .iso : .castagnoli)
            byteCount = 4
            return
        }
        guard let algorithm else { return nil }
        digest = MessageDigest(algorithm)
    }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        lock.withLock { _ in
            digest?.update(bytes.bytes)
            checksum?.update(bytes)
        }
    }

    /// The digest of all bytes so far. Once.
    package func finish() -> [UInt8] {
        lock.withLock { _ in
            if let checksum { return checksum.bytes }
            guard let digest = digest.take() else { preconditionFailure("a digest is finished twice") }
            return digest.finish(byteCount: byteCount)
        }
    }
}
