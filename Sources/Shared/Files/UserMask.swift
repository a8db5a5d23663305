internal import Glibc

/// The process's umask as it was when first asked for. umask(2) tells it only by changing it.
enum UserMask {
    /// nil when the kernel does not say.
    static let current: UInt32? = {
        let file = OpenFile(owning: open("/proc/self/status", O_RDONLY | O_CLOEXEC), path: "/proc/self/status")
        if file.descriptor < 0 { return nil }
        var text: [UInt8] = []
        guard (try? file.forEachPiece { text += $0 }) != nil else { return nil }
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: Array("Umask:\t".utf8)) {
            return UInt32(String(decoding: line.dropFirst(7), as: UTF8.self), radix: 8)
        }
        return nil
    }()
}
