internal import Glibc
internal import NIOCore

/// Why the HTTP interface cannot listen, and what to do.
struct ListenFailure {
    var text: String

    init(_ error: any Error, _ address: String, _ port: Int) {
        let place = "\(address.contains(":") ? "[\(address)]" : address):\(port)"
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            let owner = PortOwner.find(port).map { "it is taken by \($0)" } ?? "another program has it"
            text = "cannot listen on \(place): \(owner); set PORT to a free port, or to 0 for any"
        case EACCES:
            text = "cannot listen on \(place): this user may not take a port below 1024; set PORT to a higher one"
        case EADDRNOTAVAIL:
            text = "cannot listen on \(place): no interface of this machine has that address; correct HTTP_ADDRESS"
        case let code?:
            text = "cannot listen on \(place): \(systemMessage(code)); correct HTTP_ADDRESS or PORT"
        case nil:
            text = "cannot listen on \(place) (\(error)); correct HTTP_ADDRESS or PORT"
        }
    }
}
