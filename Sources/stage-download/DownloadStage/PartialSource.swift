internal import CrashPoints
internal import Files
internal import Glibc
internal import Storage

/// The mark on a temp file that has a part of a source: of which version of the source its bytes are. By it a worker
/// goes on where one that died has stopped. See docs/decisions/0027-partial-sources.md.
///
/// It is an attribute of the file itself, so it cannot be there for other bytes, and goes when the file goes. It is
/// taken off before bytes of another version come, and when the file is whole.
enum PartialSource {
    private static let attribute = "user.media-processor.partial"

    /// The bytes of a file that are of a known version; nil when the file begins anew.
    static func progress(of file: borrowing OpenFile) -> FetchRequest.Progress? {
        guard let prefix, let value = file.attribute(attribute), value.starts(with: prefix),
            let size = try? file.status().sizeBytes, size > 0
        else { return nil }
        let validator = SourceValidator(bytes: Array(value.dropFirst(prefix.count)))
        return FetchRequest.Progress(bytes: size, validator: validator)
    }

    /// Empties the file for bytes of a version.
    ///
    /// - Parameter validator: nil when nothing tells versions apart; then the bytes are of use to this worker alone.
    static func begin(_ file: borrowing OpenFile, _ validator: SourceValidator?) throws(FileSystemError) {
        try end(file)
        CrashPoint.sourceUnmarked.cross()
        try file.truncate(to: 0)
        CrashPoint.sourceEmptied.cross()
        if let validator, let prefix { _ = try file.setAttribute(attribute, prefix + validator.bytes) }
        CrashPoint.sourceMarked.cross()
    }

    /// Takes the mark off.
    static func end(_ file: borrowing OpenFile) throws(FileSystemError) { try file.removeAttribute(attribute) }

    /// Names the run of the kernel. Bytes that were written before a power cut may be missing in the middle of the
    /// file, as nobody has waited for the device yet.
    private static let prefix: [UInt8]? = {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        let file = OpenFile(owning: descriptor, path: "boot_id")
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = buffer.withUnsafeMutableBytes { (try? file.read(into: $0)) ?? 0 }
        let name = buffer.prefix(count).prefix { $0 != UInt8(ascii: "\n") }
        return name.isEmpty ? nil : Array(name) + [UInt8(ascii: " ")]
    }()
}
