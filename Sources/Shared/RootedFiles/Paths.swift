/// A path's last component.
public func baseName(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init) ?? path
}

/// Whether `name` is a relative path of plain components: no empty one, no `.`, no `..`, no NUL. Judged by bytes, as the
/// kernel does: a `/` followed by a combining mark is one character to Swift, and still a separator.
public func isPlainRelativePath(_ name: String) -> Bool {
    let dot = UInt8(ascii: ".")
    return name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
        !$0.isEmpty && !$0.elementsEqual([dot]) && !$0.elementsEqual([dot, dot]) && !$0.contains(0)
    }
}

/// `path` relative to the directory `root`, or nil when it is not beneath it. Text only: nothing is looked up.
public func relativePath(_ path: String, beneath root: String) -> String? {
    let prefix = Array((root.hasSuffix("/") ? root : root + "/").utf8)
    let bytes = Array(path.utf8)
    guard bytes.starts(with: prefix), bytes.count > prefix.count else { return nil }
    let rest = String(decoding: bytes[prefix.count...], as: UTF8.self)
    return isPlainRelativePath(rest) ? rest : nil
}
