import Foundation
import TestSupport
import Testing
import Threads

@testable import AMQP

/// A connection without the client's checks and bookkeeping, with channel 1 open: for messages that the client would
/// not send.
///
/// `body` runs on a thread of its own, whose stack is large enough to build and free deeply nested values.
func withRawConnection(
    _ body: @escaping @Sendable (borrowing BrokerConnection) throws(AMQPError) -> Void
) async throws {
    let endpoint = try await TestBroker.endpoint()
    let (results, continuation) = AsyncStream.makeStream(of: Result<Void, AMQPError>.self)
    let thread = try BlockingThread.forBroker(named: "raw", stackBytes: 512 << 20) {
        continuation.yield(
            Result { () throws(AMQPError) in
                let connection = try BrokerConnection(to: endpoint, name: "raw", configuration: .quick)
                try connection.openChannel(1)
                try body(connection)
                connection.close()
            }
        )
        continuation.finish()
    }
    let result = await results.first { _ in true }
    thread.join()
    try #require(result).get()
}

extension BrokerConnection {
    /// The next frame, waiting for it.
    borrowing func awaitFrame() throws(AMQPError) -> Frame {
        while true {
            if let frame = try nextFrame() { return frame }
            var descriptor = pollfd(fd: socketDescriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&descriptor, 1, 1000)
        }
    }
}
