internal import CCrypto

/// HMAC (RFC 2104) with SHA-256, by libcrypto. Fails only for want of memory, which ends the process.
package enum HMACSHA256 {
    package static let byteCount = 32

    /// - Parameter key: of any length.
    /// - Returns: 32 bytes.
    package static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
        // HMAC fills the key up with zeros, so an empty one is the same as a zero; libcrypto wants an address.
        let key = key.isEmpty ? [0] : key
        let message = message.isEmpty ? ([0], 0) : (message, message.count)
        return [UInt8](unsafeUninitializedCapacity: byteCount) { code, count in
            let end = EVP_Q_mac(
                Algorithm.library.pointer,
                "HMAC",
                nil,
                "SHA256",
                nil,
                key,
                key.count,
                message.0,
                message.1,
                code.baseAddress,
                byteCount,
                &count
            )
            if end == nil || count != byteCount { Algorithm.fail("EVP_Q_mac") }
        }
    }
}
