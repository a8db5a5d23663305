internal import CCrypto

/// An algorithm of libcrypto, looked up once.
struct Algorithm: @unchecked Sendable {
    /// Never written to, nor freed; libcrypto lets any number of threads use it.
    let pointer: OpaquePointer

    static let sha256 = Algorithm(required: "SHA256")
    /// nil where the system's libcrypto is built without it.
    static let md5 = Algorithm("MD5")
    /// nil where the system's libcrypto is built without it.
    static let sha1 = Algorithm("SHA1")

    /// A library context of its own reads no openssl.cnf, which could leave an algorithm out.
    static let library = LibraryContext()

    struct LibraryContext: @unchecked Sendable {
        /// Never freed; libcrypto lets any number of threads use it.
        let pointer: OpaquePointer

        init() {
            guard let pointer = OSSL_LIB_CTX_new() else { Algorithm.fail("OSSL_LIB_CTX_new") }
            self.pointer = pointer
        }
    }

    private init?(_ name: String) {
        guard let pointer = EVP_MD_fetch(Self.library.pointer, name, nil) else { return nil }
        self.pointer = pointer
    }

    private init(required name: String) {
        guard let algorithm = Algorithm(name) else { Self.fail("EVP_MD_fetch \(name)") }
        self = algorithm
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
