/// Where the bytes of a temp file are that were moved away from the disk: the field `spill` of its line in the
/// manifest. Messages from elsewhere have it as well, so nothing of it is believed before it was looked at.
package struct SpilledCopy: Sendable, Hashable {
    /// The place of the object beneath `SPILL_URL`, as text that is not encoded further.
    package var url: ByteText
    /// 32 bytes, of the object.
    package var sha256: [UInt8]
    /// Of the object. A file that was compressed before is smaller than its line of the manifest says.
    package var sizeBytes: Int64
    /// The token that a compressed file begins with; nil for a file as its stage made it.
    package var compression: String?

    /// Longer texts are none of ours.
    private static let (maximumURLBytes, maximumTokenBytes) = (4096, 64)

    package init(url: ByteText, sha256: [UInt8], sizeBytes: Int64, compression: String? = nil) {
        self.url = url
        self.sha256 = sha256
        self.sizeBytes = sizeBytes
        self.compression = compression
    }

    /// - Returns: nil for a field that is none of ours; then the file counts as gone, and no message is refused for it.
    init?(_ value: RawJSON?) {
        guard let fields = value?.objectValue, let url = fields["url"]?.textValue, !url.isEmpty,
            url.count <= Self.maximumURLBytes, let size = fields["size"]?.clampedInteger, size >= 0,
            let digest = fields["sha256"]?.textValue.flatMap({ Self.bytes(hexadecimal: $0) })
        else { return nil }
        self.init(url: url, sha256: digest, sizeBytes: size)
        guard let token = fields["compression"], !token.isNull else { return }
        guard let text = token.textValue, !text.isEmpty, text.count <= Self.maximumTokenBytes else { return nil }
        compression = text.string
    }

    var json: JSONFields {
        var object = JSONFields()
        object.set("url", url)
        object.set("sha256", Self.hexadecimal(sha256))
        object.set("size", sizeBytes)
        object.set("compression", compression)
        return object
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// 32 bytes of 64 digits; nil for anything else.
    private static func bytes(hexadecimal text: ByteText) -> [UInt8]? {
        guard text.count == 64 else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in text.utf8 {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
