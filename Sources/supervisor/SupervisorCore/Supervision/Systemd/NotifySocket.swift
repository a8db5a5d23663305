internal import CLinux
internal import Glibc

/// The datagram socket of a service manager, as `NOTIFY_SOCKET` names it.
final class NotifySocket: Sendable {
    private let descriptor: CInt
    private let name: String

    /// How long the manager may leave its socket full before a message is given up.
    private static let patienceMicroseconds: Int64 = 500_000

    /// - Parameter name: an absolute path, or `@` and a name of the abstract namespace.
    /// - Throws: ``FileFailure`` when it is neither (EINVAL) or there is no socket to be had.
    init(_ name: String) throws(FileFailure) {
        guard name.hasPrefix("/") || name.hasPrefix("@"), (2...Self.longestName).contains(name.utf8.count) else {
            throw FileFailure(operation: "use NOTIFY_SOCKET", path: name, errno: EINVAL)
        }
        let file = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw FileFailure(operation: "make a socket for", path: name, errno: errno) }
        _ = clinux_set_send_timeout(file, Self.patienceMicroseconds)
        descriptor = file
        self.name = name
    }

    deinit { close(descriptor) }

    /// Sends one message.
    ///
    /// - Throws: ``FileFailure``; EAGAIN when the manager does not read.
    func send(_ text: String) throws(FileFailure) {
        let bytes = Array(text.utf8)
        let (address, length) = Self.address(name)
        let sent = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), $0, length)
            }
        }
        guard sent == bytes.count else { throw FileFailure(operation: "notify", path: name, errno: errno) }
    }

    /// The longest name that fits into an address, where a path ends with a NUL.
    private static let longestName = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    static func address(_ name: String) -> (address: sockaddr_un, length: socklen_t) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8.prefix(longestName))
        // An abstract name begins with a NUL, and every byte of the length counts.
        let isAbstract = bytes.first == UInt8(ascii: "@")
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let used = MemoryLayout.size(ofValue: address.sun_family) + bytes.count + (isAbstract ? 0 : 1)
        return (address, socklen_t(used))
    }
}
