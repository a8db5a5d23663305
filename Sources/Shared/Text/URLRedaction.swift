/// Takes credentials out of URLs, wherever they come from and however badly they are written. Pure.
///
/// It looks at bytes. Text comes from everywhere, and to compare characters takes time that grows with the square of
/// the combining marks on one of them.
package enum URLRedaction {
    package static let mask = "***"
    /// In the name of a query parameter or field, without case.
    private static let secretNames = [
        "token", "secret", "password", "passwd", "signature", "credential", "apikey", "api_key", "api-key",
        "access_key",
    ].map { Array($0.utf8) }
    /// The bytes that end a URL in running text.
    package static let ends = Set(" \t\n\r\"'<>`,;)]}".utf8)
    /// With one slash or more: those who forget one have not meant to publish a password.
    private static let separator = Array(":/".utf8)

    /// Running text with the passwords of its URLs, and the values of parameters with telling names, masked.
    package static func redacted(_ text: [UInt8]) -> [UInt8] {
        if find(separator, in: text[...]) == nil { return text }
        var result: [UInt8] = []
        var rest = text[...]
        while let start = find(separator, in: rest) {
            let end = start + 1 + rest[(start + 1)...].prefix { $0 == UInt8(ascii: "/") }.count
            result += rest[..<end]
            let url = rest[end...].prefix { !ends.contains($0) }
            let isFile = rest[..<start].suffix(4).map { $0 | 0x20 }.elementsEqual("file".utf8)
            result += masked(url, isFile: isFile && end - start > 3)
            rest = rest[url.endIndex...]
        }
        return result + rest
    }

    /// The `@` between user or password and host, in what stands after a URL's scheme and slashes.
    ///
    /// Passwords with a slash or a question mark are looked for as well: they belong encoded, and keys of stores are
    /// full of slashes. So a path with an `@` and a colon before it may be taken for one, and shows less than it could.
    package static func endOfUserInfo(_ url: ArraySlice<UInt8>) -> Int? {
        let at = UInt8(ascii: "@")
        let authority = url.prefix { !"/?#".utf8.contains($0) }
        let userInfo = authority.lastIndex(of: at)
        let host = userInfo.map { authority[($0 + 1)...] } ?? authority
        // Otherwise what looks like the host is the beginning of a password.
        guard isHost(host) else { return url.lastIndex(of: at) ?? userInfo }
        let path = url[host.startIndex...].prefix { !"?#".utf8.contains($0) }
        if let later = path.lastIndex(of: at), path[..<later].contains(UInt8(ascii: ":")) { return later }
        return userInfo
    }

    /// Whether it can be a host, with a port or without.
    package static func isHost(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            rest = rest[(end + 1)...]
        } else {
            rest = rest.drop { $0 != UInt8(ascii: ":") }
        }
        return rest.isEmpty
            || (rest.first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { (48...57).contains($0) })
    }

    /// - Parameter isFile: whether it is the path of a file of this host, which has no user.
    private static func masked(_ url: ArraySlice<UInt8>, isFile: Bool) -> [UInt8] {
        guard !isFile, let at = endOfUserInfo(url) else { return maskingQuery(url) }
        let user = url[..<at].firstIndex(of: UInt8(ascii: ":")).map { Array(url[...$0]) } ?? []
        return user + mask.utf8 + maskingQuery(url[at...])
    }

    private static func maskingQuery(_ url: ArraySlice<UInt8>) -> [UInt8] {
        guard let mark = url.firstIndex(of: UInt8(ascii: "?")) else { return Array(url) }
        let parameters = url[(mark + 1)...].split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
        let shown = parameters.map { parameter in
            guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")), isSecret(parameter[..<equals]) else {
                return Array(parameter)
            }
            return Array(parameter[...equals]) + mask.utf8
        }
        return Array(url[...mark]) + shown.joined(separator: "&".utf8)
    }

    private static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        let name = name.map { (65...90).contains($0) ? $0 | 0x20 : $0 }
        return name.elementsEqual("key".utf8) || name.elementsEqual("sig".utf8)
            || secretNames.contains { find($0, in: name[...]) != nil }
    }

    /// The place of `needle`, which is in lower case when case does not count.
    package static func find(_ needle: [UInt8], in bytes: ArraySlice<UInt8>, ignoringCase: Bool = false) -> Int? {
        guard let first = needle.first, bytes.count >= needle.count else { return nil }
        func lower(_ byte: UInt8) -> UInt8 { ignoringCase && (65...90).contains(byte) ? byte | 0x20 : byte }
        let found: Int? = bytes.withUnsafeBufferPointer { bytes in
            for start in 0...(bytes.count - needle.count) where lower(bytes[start]) == first {
                if (1..<needle.count).allSatisfy({ lower(bytes[start + $0]) == needle[$0] }) { return start }
            }
            return nil
        }
        return found.map { $0 + bytes.startIndex }
    }
}
