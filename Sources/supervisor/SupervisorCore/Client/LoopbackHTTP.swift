internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A small HTTP/1.1 client for the supervisor on this machine.
struct LoopbackHTTP: Sendable {
    var port: Int
    /// Of a whole request.
    var timeout = Duration.seconds(5)

    /// A longer answer is none of ours.
    private static let maximumBodyBytes = 64 << 20

    struct Answer: Sendable, Equatable {
        var status: Int
        var body: [UInt8]
    }

    /// No answer came.
    struct Failure: Error, Equatable, CustomStringConvertible {
        var description: String
    }

    /// - Throws: ``Failure``, or `CancellationError`.
    func get(_ path: String) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await exchange(path) }
            group.addTask { [timeout, port] in
                try await Task.sleep(for: timeout)
                throw Failure(description: "127.0.0.1:\(port) did not answer within \(timeout)")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, ByteBuffer>>

    private func exchange(_ path: String) async throws -> Answer {
        let connection: Connection
        do {
            connection = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(2))
                .connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(HTTPByteBufferRequestPartHandler())
                        return try Connection(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw Failure(description: "nobody answers on 127.0.0.1:\(port)")
        }
        do {
            return try await converse(path, on: connection)
        } catch let error as ChannelError {
            throw Failure(description: "127.0.0.1:\(port) broke the connection off (\(error))")
        } catch let error as IOError {
            throw Failure(description: "127.0.0.1:\(port) broke the connection off (\(error))")
        }
    }

    private func converse(_ path: String, on connection: Connection) async throws -> Answer {
        try await connection.executeThenClose { inbound, outbound in
            let headers = HTTPHeaders([("Host", "127.0.0.1:\(port)"), ("Connection", "close")])
            // In one go: a request without a body is complete with its head, and a server that is quick may have answered
            // and closed the connection before a second write.
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var answer = Answer(status: 0, body: [])
            for try await part in inbound {
                switch part {
                case .head(let head): answer.status = Int(head.status.code)
                case .body(let buffer):
                    guard answer.body.count + buffer.readableBytes <= Self.maximumBodyBytes else {
                        throw Failure(description: "127.0.0.1:\(port) answers without an end")
                    }
                    answer.body += buffer.readableBytesView
                case .end: return answer
                }
            }
            throw Failure(description: "127.0.0.1:\(port) closed the connection before it had answered")
        }
    }
}

/// The client's encoder takes `IOData`; the parts written here hold plain buffers.
private final class HTTPByteBufferRequestPartHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPPart<HTTPRequestHead, ByteBuffer>
    typealias OutboundOut = HTTPClientRequestPart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part: HTTPClientRequestPart =
            switch unwrapOutboundIn(data) {
            case .head(let head): .head(head)
            case .body(let buffer): .body(.byteBuffer(buffer))
            case .end(let trailers): .end(trailers)
            }
        context.write(wrapOutboundOut(part), promise: promise)
    }
}
