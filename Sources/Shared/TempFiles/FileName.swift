internal import RootedFiles

/// The names that files of a job may have.
enum FileName {
    static let maximumBytes = 1024
    static let maximumComponentBytes = 255
    static let maximumComponents = 16

    /// - Throws: ``TempFileError`` with code `invalidName`.
    static func check(_ name: String) throws(TempFileError) {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let reason: String? =
            if !isPlainRelativePath(name) {
                "it must be a relative path without empty, `.` or `..` components"
            } else if parts.first.map({ $0.elementsEqual(LeaseFile.name.utf8) }) ?? false {
                "this name belongs to the job's lease"
            } else if name.utf8.count > maximumBytes || parts.count > maximumComponents
                || parts.contains(where: { $0.count > maximumComponentBytes })
            {
                "at most \(maximumComponents) components of \(maximumComponentBytes) bytes, "
                    + "\(maximumBytes) bytes in all"
            } else {
                nil
            }
        guard let reason else { return }
        throw TempFileError(
            code: .invalidName,
            message: "`\(name.prefix(200))` cannot name a temp file: \(reason)",
            isRetriable: false
        )
    }

    /// The directories that lead to `name`, outermost first: `a/b/c` has `a` and `a/b`.
    static func parents(of name: String) -> [String] {
        var parts = name.split(separator: "/").dropLast()
        var parents: [String] = []
        while !parts.isEmpty {
            parents.append(parts.joined(separator: "/"))
            parts.removeLast()
        }
        return parents.reversed()
    }
}
