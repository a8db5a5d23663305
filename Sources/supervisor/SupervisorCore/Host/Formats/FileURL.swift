internal import Files
internal import Text

/// `file:` URLs of absolute paths.
enum FileURL {
    /// `file:///…` of a path.
    static func text(_ path: String) -> String { "file://" + PercentCoding.encode(path, keeping: "/") }

    /// The path that a file URL names; nil when it is none.
    static func path(_ url: String) -> String? {
        guard url.startsWithBytes(of: "file:///") else { return nil }
        return PercentCoding.decode(String(decoding: url.utf8.dropFirst("file://".utf8.count), as: UTF8.self))
    }
}
