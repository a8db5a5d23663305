internal import Digests

/// Entity tags that are known to be digests. All others are opaque.
enum S3EntityTag {
    /// The digits of a tag, without its quotation marks, in lower case.
    static func digits(_ tag: String) -> String {
        let quote = UInt8(ascii: "\"")
        return String(
            decoding: tag.utf8.filter { $0 != quote }.map { (65...70).contains($0) ? $0 | 0x20 : $0 },
            as: UTF8.self
        )
    }

    /// Whether a tag, or a checksum, says that the object has so many parts.
    static func tells(_ tag: String, _ parts: Int) -> Bool {
        digits(tag).utf8.reversed().starts(with: "-\(parts)".utf8.reversed())
    }

    /// Whether an object's tag is the MD5 of the MD5s of its parts, with `-` and their number.
    static func isOf(_ parts: [S3Part], _ tag: String) -> Bool {
        guard var whole = MD5() else { return false }
        for part in parts {
            guard let bytes = bytes(digits(part.entityTag)) else { return false }
            whole.update(bytes.span.bytes)
        }
        return digits(tag) == "\(Hexadecimal.text(whole.finish()))-\(parts.count)"
    }

    private static func bytes(_ digits: String) -> [UInt8]? {
        let digits = Array(digits.utf8)
        guard digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: 32, by: 2) {
            let pair = String(decoding: digits[start..<start + 2], as: UTF8.self)
            guard let byte = UInt8(pair, radix: 16) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
