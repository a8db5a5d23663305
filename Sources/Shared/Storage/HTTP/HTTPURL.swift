internal import JobModel
package import Settings

/// The URL of a source by HTTP, checked byte by byte before anybody else reads it. Pure.
///
/// It is stricter than RFC 3986: all that two readers could read in two ways is refused, such as a host in the forms
/// that only some systems take for an address (`2130706433`, `0x7f.1`), a backslash, or a user name.
package struct HTTPURL: Sendable, Hashable {
    package enum Scheme: String, Sendable {
        case http, https
        var port: Int { self == .http ? 80 : 443 }
    }

    package enum Host: Sendable, Hashable {
        /// In lower case.
        case name([UInt8])
        case address(NetworkAddress)
    }

    /// To be sent: without fragment.
    package let bytes: [UInt8]
    package let scheme: Scheme
    package let host: Host
    package let port: Int
    /// From its slash; `/` where the URL has none.
    let path: [UInt8]
    /// Without its `?`; nil where the URL has none.
    package let query: [UInt8]?

    /// Longer ones are refused. A signed URL with a session token has some 2,500 bytes.
    package static let maximumBytes = 8192

    package init(_ text: String) throws(StorageError) { try self.init(bytes: Array(text.utf8)) }

    /// - Parameter isTrusted: whether the operator has given the server's place: it may have any port, and a dot at its
    ///   name's end.
    /// - Throws: ``StorageError`` with the code `invalid_url`, or `source_not_allowed` for a user name or password.
    package init(bytes: [UInt8], isTrusted: Bool = false) throws(StorageError) {
        let shown = SourceURL.redacted(String(decoding: bytes.prefix(Self.maximumBytes), as: UTF8.self))
        func invalid(_ why: String) -> StorageError {
            StorageError(code: .invalidURL, message: "the source \(shown) \(why)")
        }
        guard bytes.count <= Self.maximumBytes else {
            throw invalid("has a URL of \(bytes.count) bytes; at most \(Self.maximumBytes) are read")
        }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw invalid(
                "has a space, a control character or a letter that is not ASCII; percent-encode it, and write a host "
                    + "as xn--…"
            )
        }
        guard !bytes.contains(UInt8(ascii: "\\")) else { throw invalid("has a backslash") }
        guard let scheme = Self.scheme(of: bytes) else { throw invalid("does not begin with https:// or http://") }
        let rest = bytes[(scheme.rawValue.utf8.count + 3)...].prefix { $0 != UInt8(ascii: "#") }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !authority.contains(UInt8(ascii: "@")) else {
            throw StorageError(
                code: .notAllowed,
                message: "the source \(shown) has a user name or a password, which are not sent; give a signed URL"
            )
        }
        let target = rest[authority.endIndex...]
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        do {
            (host, port) = try Self.place(authority, scheme, isTrusted: isTrusted)
        } catch {
            throw invalid(error.why)
        }
        self.scheme = scheme
        self.path = path.isEmpty ? [UInt8(ascii: "/")] : Array(path)
        query = path.endIndex == target.endIndex ? nil : Array(target[path.endIndex...].dropFirst())
        var sent = Array((scheme.rawValue + "://").utf8)
        sent += authority
        sent += self.path
        if let query {
            sent.append(UInt8(ascii: "?"))
            sent += query
        }
        self.bytes = sent
    }

    /// For messages, without what may be secret.
    package var shown: String { SourceURL.redacted(String(decoding: bytes, as: UTF8.self)) }

    /// The host as a client asks for it, without port.
    package var hostText: String {
        switch host {
        case .name(let name): String(decoding: name, as: UTF8.self)
        case .address(let address): "\(address)"
        }
    }

    /// Whether requests go to the same server by the same protocol.
    package func hasSameOrigin(as other: HTTPURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    // MARK: - Parsing

    struct Problem: Error {
        let why: String
    }

    private static func scheme(of bytes: [UInt8]) -> Scheme? {
        for scheme in [Scheme.https, .http] {
            let prefix = Array((scheme.rawValue + "://").utf8)
            if bytes.count > prefix.count, bytes.prefix(prefix.count).map(lowercased).elementsEqual(prefix) {
                return scheme
            }
        }
        return nil
    }

    private static func place(
        _ authority: ArraySlice<UInt8>,
        _ scheme: Scheme,
        isTrusted: Bool
    ) throws(Problem) -> (host: Host, port: Int) {
        guard let first = authority.first else { throw Problem(why: "names no host") }
        let host: Host
        var rest: ArraySlice<UInt8>
        if first == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")),
                let address = NetworkAddress(Array(authority[..<end].dropFirst())), !address.isV4
            else { throw Problem(why: "has no address between its brackets") }
            host = .address(address)
            rest = authority[(end + 1)...]
        } else {
            let name = authority.prefix { $0 != UInt8(ascii: ":") }
            let isRooted = isTrusted && name.last == UInt8(ascii: ".")
            host = try self.host(Array(isRooted ? name.dropLast() : name))
            rest = authority[name.endIndex...]
        }
        guard let colon = rest.popFirst() else { return (host, scheme.port) }
        guard colon == UInt8(ascii: ":"), (1...5).contains(rest.count), rest.allSatisfy({ (48...57).contains($0) }),
            let port = Int(String(decoding: rest, as: UTF8.self)), (1...65_535).contains(port)
        else { throw Problem(why: "has no port from 1 to 65535 after its host") }
        // Other protocols than HTTP have these, and some of them take a request's lines for their own.
        guard port >= 1024 || port == 80 || port == 443 || isTrusted else {
            throw Problem(why: "has the port \(port); below 1024 only 80 and 443 are read")
        }
        return (host, port)
    }

    private static func host(_ name: [UInt8]) throws(Problem) -> Host {
        if let address = NetworkAddress(name), address.isV4 { return .address(address) }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.count <= 253, labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(isNameByte) }) else {
            throw Problem(why: "has a host that is no name: letters, digits and hyphens, with single dots between")
        }
        // Some systems read such a host as an address: 127.1, 0x7f000001, 0177.0.0.1, 2130706433.
        let last = (labels.last ?? []).map(lowercased)
        let isNumber = last.allSatisfy { (48...57).contains($0) }
        guard !isNumber, !last.starts(with: "0x".utf8) else {
            throw Problem(why: "has a host that is neither a name nor an address of four decimal numbers")
        }
        return .name(name.map(lowercased))
    }

    static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte | 0x20 : byte }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch lowercased(byte) {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }
}
