internal import JobModel

extension LogKey {
    /// Whether a key's values are numbers, which its last word tells.
    static func isNumber(_ key: String) -> Bool {
        let start = key.utf8.lastIndex(of: UInt8(ascii: ".")).map { key.utf8.index(after: $0) } ?? key.startIndex
        return key == processID || numbers.contains(String(key[start...]))
    }

    private static let numbers: Set<String> = [
        "attempt", "bytes", "count", "current", "decoded", "encoded", "errors", "failures", "frames", "hop", "kept",
        "limit", "ms", "percent", "redrives", "returned", "seconds", "starts", "terminal",
    ]
}
