internal import JobModel
internal import Text

/// `file:` URLs, without a URL library that traps or normalises.
package enum FileURL {
    package static let scheme = "file"

    /// A file URL for an absolute path.
    package static func text(_ path: String) -> String { "file://" + PercentCoding.encode(path, keeping: "/") }

    /// The absolute path of a `file:` URL: `file:///a%20b` is `/a b`. A host other than none or `localhost` is refused.
    package static func path(_ url: String) throws(StorageError) -> String {
        func refuse(_ reason: String) -> StorageError {
            StorageError(code: .invalidURL, message: "`\(SourceURL.redacted(url))` is no file URL: \(reason)")
        }
        guard SourceURL.scheme(url) == scheme else { throw refuse("it has another scheme") }
        let slash = UInt8(ascii: "/")
        var rest = Array(url.utf8).dropFirst("file:".utf8.count)
        if rest.starts(with: "//".utf8) {
            rest = rest.dropFirst(2)
            let host = String(decoding: rest.prefix { $0 != slash }, as: UTF8.self)
            guard host.utf8.isEmpty || host.lowercased().utf8.elementsEqual("localhost".utf8) else {
                // Without user and password.
                let name = String(
                    decoding: host.utf8.reversed().prefix { $0 != UInt8(ascii: "@") }.reversed(),
                    as: UTF8.self
                )
                throw refuse("it names the host \(name.clipped(toBytes: 300).shown)")
            }
            rest = rest.dropFirst(host.utf8.count)
        }
        guard rest.first == slash else { throw refuse("its path is not absolute") }
        guard let path = PercentCoding.decode(rest) else {
            throw refuse("a `%` is not followed by two hexadecimal digits")
        }
        guard !path.utf8.contains(0) else { throw refuse("it has a NUL character") }
        return path
    }
}
