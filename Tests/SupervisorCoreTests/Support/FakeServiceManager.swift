import Foundation
import Glibc
import Queues

@testable import SupervisorCore

/// A service manager's end of the notification socket.
final class FakeServiceManager: Sendable {
    private let descriptor: CInt
    /// For `NOTIFY_SOCKET`.
    let name: String

    struct Silence: Error {
        var milliseconds: Int
    }

    /// The assignments of one message.
    typealias Message = [String: String]

    /// - Parameter name: a path, or `@` and a name.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let (address, length) = NotifySocket.address(name)
        let status = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard status == 0 else { throw FileFailure(operation: "bind", path: name, errno: errno) }
    }

    deinit { close(descriptor) }

    /// The next message.
    ///
    /// - Throws: ``Silence`` when none comes.
    func next(withinMilliseconds limit: Int = 180_000) async throws -> Message {
        let text: String? = await withCheckedContinuation { continuation in
            // Waiting blocks: not on a thread of the cooperative pool.
            Thread.detachNewThread { [descriptor] in
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&waiting, 1, CInt(limit)) > 0 else { return continuation.resume(returning: nil) }
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = max(0, recv(descriptor, &bytes, bytes.count, 0))
                continuation.resume(returning: String(decoding: bytes.prefix(count), as: UTF8.self))
            }
        }
        guard let text else { throw Silence(milliseconds: limit) }
        var message: Message = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            message[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        return message
    }

    /// All messages up to the first that the condition is true of.
    func messages(upTo isLast: (Message) -> Bool) async throws -> [Message] {
        var messages: [Message] = []
        while true {
            let message = try await next()
            messages.append(message)
            if isLast(message) { return messages }
        }
    }

    /// All messages that are there already.
    func waiting() async throws -> [Message] {
        var messages: [Message] = []
        while let message = try? await next(withinMilliseconds: 0) { messages.append(message) }
        return messages
    }
}
