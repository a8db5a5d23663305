private let slash = UInt8(ascii: "/")

/// The parts of a path between its slashes, without empty ones. By bytes, as the kernel does: see ``RelativePath``.
package func pathComponents(_ path: String) -> [String] {
    path.utf8.split(separator: slash, omittingEmptySubsequences: true).map { String(decoding: $0, as: UTF8.self) }
}

/// A path's last component.
package func baseName(_ path: String) -> String {
    let last = path.utf8.split(separator: slash, omittingEmptySubsequences: true).last
    return last.map { String(decoding: $0, as: UTF8.self) } ?? path
}

/// The path of the directory that holds a path's last component: `/` for `/a`, nil for a name alone and for `/`.
package func parentPath(_ path: String) -> String? {
    guard path.utf8.contains(where: { $0 != slash }), let last = path.utf8.lastIndex(of: slash) else { return nil }
    return last == path.utf8.startIndex ? "/" : String(decoding: path.utf8[..<last], as: UTF8.self)
}

/// Whether `name` is a relative path of plain components: no empty one, no `.`, no `..`, no NUL.
package func isPlainRelativePath(_ name: String) -> Bool { (try? RelativePath(name)) != nil }

/// `path` relative to the directory `root`, or nil when it is not beneath it. Text only: nothing is looked up.
package func relativePath(_ path: String, beneath root: String) -> String? {
    guard let rest = pathBytes(path, beneath: root), (try? RelativePath(rest)) != nil else { return nil }
    return String(decoding: rest, as: UTF8.self)
}

/// The bytes after `root` and a slash in `path`; nil when `path` begins otherwise or ends there.
package func pathBytes(_ path: String, beneath root: String) -> ArraySlice<UInt8>? {
    let bytes = Array(path.utf8)
    var prefix = Array(root.utf8)
    if prefix.last != slash { prefix.append(slash) }
    guard bytes.starts(with: prefix), bytes.count > prefix.count else { return nil }
    return bytes[prefix.count...]
}

extension String {
    /// Whether the text begins with these very bytes.
    package func startsWithBytes(of prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the text ends with these very bytes.
    package func endsWithBytes(of suffix: String) -> Bool { utf8.reversed().starts(with: suffix.utf8.reversed()) }
}
