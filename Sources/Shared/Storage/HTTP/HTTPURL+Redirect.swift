extension HTTPURL {
    /// The URL that a `Location` means (RFC 3986, 5.2).
    ///
    /// - Throws: ``StorageError``, as the initializer does; `source_not_allowed` for another scheme, and for `http:`
    ///   where this is `https:`.
    func redirected(to location: [UInt8]) throws(StorageError) -> HTTPURL {
        let target = try HTTPURL(bytes: try absolute(location))
        guard scheme == .http || target.scheme == .https else {
            throw refusal("redirects from https: to http:, which is not followed")
        }
        return target
    }

    private func absolute(_ location: [UInt8]) throws(StorageError) -> [UInt8] {
        let (slash, question) = (UInt8(ascii: "/"), UInt8(ascii: "?"))
        let reference = Array(location.prefix { $0 != UInt8(ascii: "#") })
        // A colon before any slash ends a scheme.
        if let stop = reference.first(where: { ":/?".utf8.contains($0) }), stop == UInt8(ascii: ":") {
            let scheme = reference.prefix { $0 != UInt8(ascii: ":") }.map(Self.lowercased)
            guard scheme.elementsEqual("http".utf8) || scheme.elementsEqual("https".utf8) else {
                throw refusal("redirects to another scheme than https: and http:, which is not followed")
            }
            return reference
        }
        if reference.starts(with: [slash, slash]) { return Array("\(scheme.rawValue):".utf8) + reference }
        let origin = Array(bytes.dropLast(path.count + (query.map { $0.count + 1 } ?? 0)))
        if reference.first == slash { return origin + Self.withoutDots(reference) }
        if reference.first == question { return origin + path + reference }
        if reference.isEmpty { return bytes }
        let directory = path[...(path.lastIndex(of: slash) ?? 0)]
        return origin + Self.withoutDots(Array(directory) + reference)
    }

    private func refusal(_ why: String) -> StorageError {
        StorageError(code: .notAllowed, message: "the source \(shown) \(why); give the URL that it leads to")
    }

    /// - Parameter target: a path that begins with a slash, and a query.
    private static func withoutDots(_ target: [UInt8]) -> [UInt8] {
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        var kept: [ArraySlice<UInt8>] = []
        let parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part.count {
            case 1 where part.first == UInt8(ascii: "."):
                if isLast { kept.append([]) }
            case 2 where part.allSatisfy({ $0 == UInt8(ascii: ".") }):
                _ = kept.popLast()
                if isLast { kept.append([]) }
            default: kept.append(part)
            }
        }
        var result = [UInt8(ascii: "/")]
        result += kept.joined(separator: [UInt8(ascii: "/")])
        result += target[path.endIndex...]
        return result
    }
}
