/// The URL of a request, checked before libcurl sees it. Pure.
struct RequestURL {
    /// As it was given.
    let bytes: [UInt8]
    /// Scheme, host and port: the part that may be shown.
    let origin: String
    /// As ``WebClient/resolver`` wants it: without brackets.
    let host: String
    /// As digits.
    let port: String

    /// - Throws: ``WebError`` with the code `invalidRequest`, whose message repeats nothing of the URL.
    init(_ bytes: [UInt8]) throws(WebError) {
        let scheme = ["http://", "https://"].first { scheme in
            bytes.count > scheme.utf8.count && zip(bytes, scheme.utf8).allSatisfy { $0 | 0x20 == $1 | 0x20 }
        }
        guard let scheme else {
            throw WebError(.invalidRequest, "the URL begins with neither http:// nor https://")
        }
        guard bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw WebError(.invalidRequest, "the URL has a space or a character that a URL must percent-encode")
        }
        let authority = bytes.dropFirst(scheme.utf8.count).prefix { !Array("/?#\\".utf8).contains($0) }
        guard !authority.isEmpty, !authority.contains(UInt8(ascii: "@")) else {
            throw WebError(.invalidRequest, "the URL has no host, or a user name before it")
        }
        self.bytes = bytes
        origin = scheme + String(decoding: authority, as: UTF8.self)
        (host, port) = Self.split(authority, otherwise: scheme == "https://" ? "443" : "80")
    }

    private static func split(_ authority: ArraySlice<UInt8>, otherwise port: String) -> (host: String, port: String) {
        func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
        let hostEnd: Int
        var host = authority
        if let end = authority.lastIndex(of: UInt8(ascii: "]")) {
            hostEnd = end + 1
            host = authority[..<end].dropFirst()
        } else {
            hostEnd = authority.lastIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
            host = authority[..<hostEnd]
        }
        let digits = authority[hostEnd...].dropFirst()
        return (text(host), digits.isEmpty ? port : text(digits))
    }
}
