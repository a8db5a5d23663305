internal import Glibc
internal import NIOCore
internal import Text

/// Why the HTTP interface cannot listen, and what to do.
struct ListenFailure: Equatable {
    var cause: String
    var remedy: String
    /// Address and port, such as `127.0.0.1:8044`.
    var place: String

    var text: String { "cannot listen on \(place): \(cause); \(remedy)" }

    init(_ error: any Error, _ address: String, _ port: Int) {
        let code = (error as? IOError)?.errnoCode
        self.init(errno: code ?? 0, address, port)
        if code == nil { cause = "\(error)" }
    }

    init(errno: CInt, _ address: String, _ port: Int) {
        place = Self.place(address, port)
        switch errno {
        case EADDRINUSE:
            cause = PortOwner.find(port).map { "it is taken by \($0)" } ?? "another program has it"
            remedy = "set PORT to a free port, or to 0 for any"
        case EACCES: (cause, remedy) = ("this user may not take a port below 1024", "set PORT to a higher one")
        case EADDRNOTAVAIL: (cause, remedy) = ("no interface of this machine has that address", "correct HTTP_ADDRESS")
        default: (cause, remedy) = (systemMessage(errno), "correct HTTP_ADDRESS or PORT")
        }
    }

    /// Tries whether a server could listen there now, without accepting a connection.
    ///
    /// - Parameter address: an IP address, or `localhost`.
    /// - Returns: nil when one could.
    static func trying(_ address: String, _ port: Int) -> ListenFailure? {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "\(port)", &hints, &found) == 0, let found else {
            return ListenFailure(errno: EADDRNOTAVAIL, address, port)
        }
        defer { freeaddrinfo(found) }
        let socket = Glibc.socket(found.pointee.ai_family, hints.ai_socktype | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return ListenFailure(errno: errno, address, port) }
        defer { close(socket) }
        var on: CInt = 1
        // Without this, connections of an earlier server that are in TIME_WAIT would make the port look taken.
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        if bind(socket, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 { return nil }
        return ListenFailure(errno: errno, address, port)
    }

    static func place(_ address: String, _ port: Int) -> String {
        "\(address.contains(":") ? "[\(address)]" : address):\(port)"
    }
}
