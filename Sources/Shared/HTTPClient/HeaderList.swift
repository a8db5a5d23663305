internal import CCurl

/// The header lines of a request, as libcurl wants them.
struct HeaderList: ~Copyable {
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    /// - Throws: ``WebError`` with the code `invalidRequest` when a name is no token or a value has a control
    ///   character, which could begin another line.
    init(_ headers: WebHeaders) throws(WebError) {
        // libcurl would wait a second for the server's consent to a large body.
        try append(Array("Expect:".utf8))
        for field in headers.fields {
            guard !field.name.isEmpty, field.name.allSatisfy(Self.isTokenByte),
                field.value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 })
            else { throw WebError(.invalidRequest, "a header field has a character that none may have") }
            // A name and a colon alone would take a field of libcurl's own away; a semicolon stands for an empty value.
            let isEmpty = field.value.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            try append(field.name + (isEmpty ? Array(";".utf8) : Array(": ".utf8) + field.value))
        }
    }

    deinit { curl_slist_free_all(list) }

    private mutating func append(_ line: [UInt8]) throws(WebError) {
        let longer = (line + [0]).withUnsafeBytes { bytes in
            curl_slist_append(list, bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        guard let longer else { throw WebError(.outOfResources, "no memory for a request", isRetriable: true) }
        list = longer
    }

    /// RFC 9110, 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
