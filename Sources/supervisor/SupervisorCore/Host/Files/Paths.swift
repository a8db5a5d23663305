internal import Files
internal import Glibc

/// Paths as people give them on a command line.
enum Paths {
    static var workingDirectory: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard getcwd(&buffer, buffer.count) != nil else { return "/" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The path from the root, without `.`, `..` and doubled slashes. Nothing is looked up.
    static func absolute(_ path: String, from directory: String? = nil) -> String {
        var components: [String] = []
        let full = path.utf8.first == UInt8(ascii: "/") ? path : (directory ?? workingDirectory) + "/" + path
        for component in pathComponents(full) where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return "/" + components.joined(separator: "/")
    }

    /// Whether both lead to the same file, or, where one leads to none, are the same path.
    static func areSame(_ one: String, _ other: String) -> Bool {
        guard let first = FileStatus(path: one), let second = FileStatus(path: other) else {
            return absolute(one).utf8.elementsEqual(absolute(other).utf8)
        }
        return FileIdentity(first) == FileIdentity(second)
    }

    /// The path as seen from a directory when it lies beneath it, else as it is.
    static func relative(_ path: String, to directory: String) -> String {
        pathBytes(path, beneath: directory).map { String(decoding: $0, as: UTF8.self) } ?? path
    }
}
