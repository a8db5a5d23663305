import Foundation
import Synchronization

/// A TCP relay on loopback that ends each connection when so many bytes have come back on it.
package final class CuttingProxy: Sendable {
    private let server: LoopbackServer
    private let counter: Counter

    package var port: Int { server.port }
    package var connections: Int { server.connections }
    /// Bytes that went to clients, on all connections.
    package var returnedBytes: Int { counter.bytes.load(ordering: .acquiring) }

    private final class Counter: Sendable {
        let bytes = Atomic(0)
    }

    /// - Parameter limit: bytes of a connection, headers included.
    package init(to port: Int, cuttingAt limit: Int) throws {
        let counter = Counter()
        self.counter = counter
        server = try LoopbackServer { client in
            guard let origin = TestPort.connection(to: port) else { return }
            defer { close(origin) }
            let (head, _) = try client.request()
            // So that the origin ends the connection with its answer.
            try CuttingProxy.send(Array((head.dropLast() + "Connection: close\r\n\r\n").utf8), to: origin)
            var left = limit
            var buffer = [UInt8](repeating: 0, count: 1 << 14)
            while left > 0 {
                let got = read(origin, &buffer, min(buffer.count, left))
                guard got > 0 else { return }
                try client.write(Array(buffer.prefix(got)))
                left -= got
                counter.bytes.add(got, ordering: .acquiringAndReleasing)
            }
        }
    }

    package func stop() { server.stop() }

    private static func send(_ bytes: [UInt8], to descriptor: CInt) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard sent > 0 else { throw LoopbackServer.Failure(cause: "send: errno \(errno)") }
            rest = rest.dropFirst(sent)
        }
    }
}
