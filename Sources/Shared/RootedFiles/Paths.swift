/// A path's last component.
public func baseName(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init) ?? path
}

/// `path` relative to the directory `root`, or nil when it is not beneath it. Text only: nothing is looked up.
public func relativePath(_ path: String, beneath root: String) -> String? {
    let prefix = root.hasSuffix("/") ? root : root + "/"
    guard path.hasPrefix(prefix), path.utf8.count > prefix.utf8.count else { return nil }
    let rest = path.dropFirst(prefix.count)
    let isPlain = rest.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
        !$0.isEmpty && $0 != "." && $0 != ".."
    }
    return isPlain ? String(rest) : nil
}
