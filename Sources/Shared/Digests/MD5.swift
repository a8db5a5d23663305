/// MD5 (RFC 1321), by libcrypto, of bytes that come in pieces: object stores name by it what they hold. It protects
/// from nobody.
package struct MD5: ~Copyable {
    package static let byteCount = 16

    private var digest: MessageDigest

    /// nil where the system's libcrypto is built without it.
    package init?() {
        guard let algorithm = Algorithm.md5 else { return nil }
        digest = MessageDigest(algorithm)
    }

    package mutating func update(_ bytes: RawSpan) { digest.update(bytes) }

    /// - Returns: 16 bytes.
    package consuming func finish() -> [UInt8] { digest.finish(byteCount: Self.byteCount) }
}
