internal import CCrypto

/// An algorithm of libcrypto, looked up once.
struct Algorithm: @unchecked Sendable {
    /// Never written to, nor freed; libcrypto lets any number of threads use it.
    let pointer: OpaquePointer

    static let sha256 = {
        guard let algorithm = Algorithm("SHA256") else { fail("EVP_MD_fetch SHA256") }
        return algorithm
    }()
    static let sha1 = Algorithm("SHA1")
    static let md5 = Algorithm("MD5")

    /// nil where libcrypto was built without it.
    private init?(_ name: String) {
        // A library context of its own reads no openssl.cnf, which could leave the algorithm out.
        guard let library = OSSL_LIB_CTX_new(), let pointer = EVP_MD_fetch(library, name, nil) else { return nil }
        self.pointer = pointer
    }

    static func require(_ status: CInt, _ function: String) {
        if status != 1 { fail(function) }
    }

    static func fail(_ function: String) -> Never {
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(ERR_get_error(), &text, text.count)
        let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        fatalError("libcrypto: \(function) failed: \(words)")
    }
}
