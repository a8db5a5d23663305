internal import Digests
internal import Files
package import JobModel
internal import Text

extension JobKey {
    private static let hashPrefix = "sha256-"

    /// The name of the job's directory within its kind. An id that is a plain file name is its own directory name. Any
    /// other is named after its SHA-256; ids that look like such a name are hashed as well, so that two jobs never
    /// share a directory.
    package var directoryName: String {
        let id = id.string
        let isPlain =
            !id.isEmpty && id.utf8.count <= 128 && !id.startsWithBytes(of: ".")
            && !id.startsWithBytes(of: Self.hashPrefix)
            && id.utf8.allSatisfy { $0.isPlainInNames || $0 == UInt8(ascii: ".") }
        if isPlain { return id }
        let digits = Array("0123456789abcdef".utf8)
        let hex = SHA256.digest(of: Array(id.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return Self.hashPrefix + String(decoding: hex, as: UTF8.self)
    }
}

extension StageMessage {
    /// SHA-256 of what the job asks for, as the ledger keeps it; nil where that is not looked at.
    var contentDigest: [UInt8]? { content.map { SHA256.digest(of: $0) } }
}
