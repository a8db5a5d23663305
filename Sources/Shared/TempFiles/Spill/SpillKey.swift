internal import Digests
package import JobModel
internal import Ledger

/// The key of a spilled file's object beneath `SPILL_URL`:
///
///     <node>.<installation>/<kind>/<job's directory>/<32 digits of the SHA-256 of the file's name>/<seconds>-<random>
///
/// A key tells whose job and file it is, so that a message cannot have another one's taken for it. It tells when it was
/// made, in seconds since 1970, so that its age is known by the clock that wrote it.
package struct SpillKey: Sendable, Hashable {
    package let text: String
    package let folder: String
    package let kind: MediaKind
    package let directory: String
    package let madeAtSeconds: Int64
    private let file: String

    private static let installationDigits = 16
    private static let maximumNodeBytes = 64
    private static let fileDigits = 32
    private static let randomDigits = 16

    /// A new one.
    package init(folder: String, job: JobKey, file name: String, nowSeconds: Int64) {
        self.folder = folder
        kind = job.kind
        directory = job.directoryName
        file = Self.hash(name)
        madeAtSeconds = max(nowSeconds, 0)
        let random = Hexadecimal.text(withUnsafeBytes(of: UInt64.random(in: .min ... .max)) { Array($0) })
        text = "\(folder)/\(kind.rawValue)/\(directory)/\(file)/\(madeAtSeconds)-\(random)"
    }

    /// - Returns: nil for a key that is none of ours.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 5, Self.isFolder(parts[0]), let kind = MediaKind(named: ByteText(parts[1])),
            Self.isDirectory(parts[2]), Self.isHexadecimal(parts[3], Self.fileDigits)
        else { return nil }
        let mark = parts[4].utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard mark.count == 2, (1...15).contains(mark[0].count),
            mark[0].allSatisfy({ (48...57).contains($0) }),
            let seconds = Int64(String(decoding: mark[0], as: UTF8.self)),
            Self.isHexadecimal(String(decoding: mark[1], as: UTF8.self), Self.randomDigits)
        else { return nil }
        self.text = text
        folder = parts[0]
        self.kind = kind
        directory = parts[2]
        file = parts[3]
        madeAtSeconds = seconds
    }

    /// Whether it is of this very file of this job.
    func isOf(_ name: String, job: JobKey) -> Bool {
        kind == job.kind && ByteText(directory) == ByteText(job.directoryName)
            && ByteText(file) == ByteText(Self.hash(name))
    }

    /// The key of an object by the URL that a manifest has; nil when the object is not beneath `store` (`SPILL_URL`),
    /// or has no key of ours.
    static func beneath(_ store: String, url: ByteText) -> SpillKey? {
        let place = SpilledObject.location(store: store, key: "")
        guard url.utf8.starts(with: place.utf8) else { return nil }
        return SpillKey(String(decoding: url.utf8.dropFirst(place.utf8.count), as: UTF8.self))
    }

    /// The name of this host's folder.
    package static func folder(node: String, installation: String) -> String {
        let bytes = node.utf8.prefix(maximumNodeBytes).map { isPlain($0) ? $0 : UInt8(ascii: "_") }
        let name = String(decoding: bytes, as: UTF8.self)
        // No part of a path is hidden, or leads upwards.
        let first = name.utf8.first.map { $0 == UInt8(ascii: ".") } ?? true
        return (first ? "node" : "") + name + "." + installation
    }

    private static func hash(_ name: String) -> String {
        String(Hexadecimal.text(SHA256.digest(of: Array(name.utf8))).prefix(fileDigits))
    }

    private static func isFolder(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count > installationDigits + 1, bytes.count <= maximumNodeBytes + 4 + installationDigits + 1,
            bytes.first != UInt8(ascii: "."), bytes.allSatisfy(isPlain),
            bytes[bytes.count - installationDigits - 1] == UInt8(ascii: ".")
        else { return false }
        return isHexadecimal(String(decoding: bytes.suffix(installationDigits), as: UTF8.self), installationDigits)
    }

    /// As `JobKey.directoryName` makes them.
    private static func isDirectory(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: ".") && text.utf8.allSatisfy(isPlain)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isHexadecimal(_ text: String, _ digits: Int) -> Bool {
        text.utf8.count == digits && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
