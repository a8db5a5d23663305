public import JobModel
internal import Text

/// URLs of files.
extension SourceURL {
    /// Looks whether this version reads sources of the URL's scheme. Nothing is looked up.
    ///
    /// - Throws: ``StorageError`` with code `unsupported_scheme` or `invalid_url`.
    public static func checkScheme(_ url: String) throws(StorageError) {
        switch scheme(url) {
        case "file": return
        case "http", "https", "s3":
            throw StorageError(
                code: .unsupportedScheme,
                message:
                    "the source \(redacted(url)) cannot be read by this version, which knows `s3Key` in the configured "
                    + "store and file: URLs"
            )
        default:
            throw StorageError(
                code: .invalidURL,
                message: "the source `\(redacted(url))` is no URL of a known scheme (file)"
            )
        }
    }

    /// The absolute path of a `file:` URL: `file:///a%20b` is `/a b`. A host other than none or `localhost` is refused.
    public static func filePath(_ url: String) throws(StorageError) -> String {
        func refuse(_ reason: String) -> StorageError {
            StorageError(code: .invalidURL, message: "`\(redacted(url))` is no file URL: \(reason)")
        }
        guard scheme(url) == "file" else { throw refuse("it has another scheme") }
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

    /// A file URL for an absolute path.
    public static func file(_ path: String) -> String { "file://" + PercentCoding.encode(path, keeping: "/") }
}
