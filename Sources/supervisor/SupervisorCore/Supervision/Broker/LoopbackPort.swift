internal import Glibc

/// TCP ports of 127.0.0.1.
enum LoopbackPort {
    /// A port that was free a moment ago; 0 when there is none.
    static func free() -> UInt16 {
        withSocket { socket in
            guard bindLoopback(socket, 0) else { return 0 }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let failed = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
            }
            return failed == 0 ? UInt16(bigEndian: address.sin_port) : 0
        } ?? 0
    }

    static func isFree(_ port: UInt16) -> Bool {
        withSocket { socket in
            var on: CInt = 1
            // Without this, connections of the last node that are in TIME_WAIT would make the port look taken.
            setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
            return bindLoopback(socket, port)
        } ?? false
    }

    /// Whether somebody accepts connections.
    static func accepts(_ port: UInt16) -> Bool {
        withSocket { connect($0, to: port) } ?? false
    }

    /// Whether an AMQP broker answers a client's protocol header with the first method of a handshake,
    /// `connection.start`.
    static func speaksAMQP(_ port: UInt16) -> Bool {
        withSocket { socket in
            guard connect(socket, to: port) else { return false }
            let header: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]
            guard send(socket, header, header.count, CInt(MSG_NOSIGNAL)) == header.count else { return false }
            var waiting = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, 2000) == 1 else { return false }
            var answer = [UInt8](repeating: 0, count: 11)
            guard recv(socket, &answer, answer.count, CInt(MSG_WAITALL)) == answer.count else { return false }
            // Frame type 1 (method) on channel 0, four bytes of size, class 10, method 10.
            return answer[0..<3] == [1, 0, 0] && answer[7...] == [0, 10, 0, 10]
        } ?? false
    }

    private static func withSocket<R>(_ body: (CInt) -> R) -> R? {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return body(descriptor)
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func bindLoopback(_ socket: CInt, _ port: UInt16) -> Bool {
        withAddress(port) { bind(socket, $0, $1) == 0 }
    }

    private static func connect(_ socket: CInt, to port: UInt16) -> Bool {
        withAddress(port) { Glibc.connect(socket, $0, $1) == 0 }
    }

    private static func withAddress<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = address(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
