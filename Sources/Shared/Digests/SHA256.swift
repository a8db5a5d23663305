/// SHA-256 (FIPS 180-4), by libcrypto, of bytes that come in pieces.
///
/// Nothing here fails but for want of memory, which ends the process, as it does everywhere in Swift: a wrong digest
/// would name another job's directory.
package struct SHA256: ~Copyable {
    package static let byteCount = 32

    private var digest = MessageDigest(.sha256)

    package init() {}

    package mutating func update(_ bytes: RawSpan) { digest.update(bytes) }

    /// - Returns: 32 bytes.
    package consuming func finish() -> [UInt8] { digest.finish(byteCount: Self.byteCount) }

    /// - Returns: 32 bytes.
    package static func digest(of bytes: RawSpan) -> [UInt8] {
        var digest = SHA256()
        digest.update(bytes)
        return digest.finish()
    }

    /// - Returns: 32 bytes.
    package static func digest(of bytes: [UInt8]) -> [UInt8] { digest(of: bytes.span.bytes) }
}
