internal import Glibc
internal import Text

/// Finds the system's reason for a failure to connect. The library tells only that a socket failed, without the errno:
/// it has closed the socket by then.
struct ConnectTrial {
    var host: String
    var port: UInt16
    /// For all addresses of the host together. The look-up of a name is not part of it.
    var limit: Duration

    /// Tries each address of the host, as the library has done.
    ///
    /// - Returns: such as `Connection refused`, of the last address; nil when one takes the connection by now.
    func cause() -> String? {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let failure = getaddrinfo(host, "\(port)", &hints, &found)
        guard failure == 0 else { return String(cString: gai_strerror(failure)) }
        defer { freeaddrinfo(found) }
        let deadline = ContinuousClock.now + limit
        var last: CInt = 0
        var next = found
        while let address = next {
            last = connect(to: address.pointee, until: deadline)
            if last == 0 { return nil }
            next = address.pointee.ai_next
        }
        return systemWords(last) ?? "errno \(last)"
    }

    /// - Returns: 0, or an errno.
    private func connect(to address: addrinfo, until deadline: ContinuousClock.Instant) -> CInt {
        let type = address.ai_socktype | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(address.ai_family, type, address.ai_protocol)
        guard socket >= 0 else { return errno }
        defer { close(socket) }
        if Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        let remaining = max(.zero, deadline - .now) / .milliseconds(1)
        let count = poll(&entry, 1, CInt(clamping: Int(remaining)))
        guard count != 0 else { return ETIMEDOUT }
        guard count > 0 else { return errno }
        var code: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno
    }
}
