internal import FoundationEssentials
internal import HTTPClient

/// The checksums that a response has of the whole source. An ETag is none: only for some objects of some stores it is
/// an MD5, and for those that came in parts it is not. Pure.
enum HTTPChecksums {
    /// - Parameter isPart: whether the response is a part (206), of which some headers have the checksum.
    static func read(_ headers: WebHeaders, isPart: Bool) -> [SourceChecksum] {
        var found = digests(headers.values("Repr-Digest"), isQuoted: true)
        found += digests(headers.values("Digest"), isQuoted: false)
        for value in headers.values("x-goog-hash") { found += google(value) }
        guard !isPart else { return found }
        if let value = headers["Content-MD5"] { found += checksum(.md5, value) }
        // An object that came in parts has the checksum of the parts' checksums.
        if headers["x-amz-checksum-type"].map({ HTTPText.isSame($0, "composite") }) ?? false { return found }
        for algorithm in [SourceChecksum.Algorithm.sha256, .sha1, .crc32, .crc32c] {
            guard let value = headers["x-amz-checksum-\(algorithm.rawValue)"], !value.contains(UInt8(ascii: "-")) else {
                continue
            }
            found += checksum(algorithm, value)
        }
        return found
    }

    /// `Repr-Digest: sha-256=:…:` (RFC 9530) and `Digest: sha-256=…` (RFC 3230).
    private static func digests(_ values: [[UInt8]], isQuoted: Bool) -> [SourceChecksum] {
        values.flatMap { $0.split(separator: UInt8(ascii: ",")) }.flatMap { word -> [SourceChecksum] in
            let word = HTTPText.trimmed(word)
            let name = word.prefix { $0 != UInt8(ascii: "=") }
            guard HTTPText.isSame(Array(name), "sha-256") else { return [] }
            var value = word.dropFirst(name.count + 1)
            if isQuoted {
                let colon = UInt8(ascii: ":")
                guard value.count >= 2, value.first == colon, value.last == colon else { return [] }
                value = value.dropFirst().dropLast()
            }
            return checksum(.sha256, Array(value))
        }
    }

    /// `crc32c=…,md5=…` of Google's store.
    private static func google(_ value: [UInt8]) -> [SourceChecksum] {
        value.split(separator: UInt8(ascii: ",")).flatMap { word -> [SourceChecksum] in
            let word = HTTPText.trimmed(word)
            let name = Array(word.prefix { $0 != UInt8(ascii: "=") })
            let algorithm: SourceChecksum.Algorithm? =
                HTTPText.isSame(name, "crc32c") ? .crc32c : HTTPText.isSame(name, "md5") ? .md5 : nil
            return algorithm.map { checksum($0, Array(word.dropFirst(name.count + 1))) } ?? []
        }
    }

    /// None for a value that is no checksum of the algorithm.
    private static func checksum(_ algorithm: SourceChecksum.Algorithm, _ base64: [UInt8]) -> [SourceChecksum] {
        guard base64.count <= 64, let value = Data(base64Encoded: Data(base64)) else { return [] }
        return SourceChecksum(algorithm, Array(value)).map { [$0] } ?? []
    }
}
