internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A small HTTP/1.1 client for the supervisor.
struct SupervisorHTTP: Sendable {
    /// An IP address or `localhost`.
    var host = "127.0.0.1"
    var port: Int
    /// Sent with every request where it is known: a supervisor that other machines can reach wants it for reading too.
    var token: String?
    /// The limit of a whole request that names no other.
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

    struct Request: Sendable {
        var method = HTTPMethod.GET
        /// With the query.
        var path: String
        /// JSON.
        var body: [UInt8]?
        var timeout: Duration?
    }

    /// `127.0.0.1:8044`
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// - Throws: ``Failure``, or `CancellationError`.
    func get(_ path: String) async throws -> Answer { try await send(Request(path: path)) }

    /// - Throws: ``Failure``, or `CancellationError`.
    func send(_ request: Request) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await exchange(request) }
            let limit = request.timeout ?? timeout
            group.addTask { [address] in
                try await Task.sleep(for: limit)
                throw Failure(description: "\(address) did not answer within \(limit)")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPPart<HTTPRequestHead, ByteBuffer>>

    private func exchange(_ request: Request) async throws -> Answer {
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.seconds(2))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(HTTPByteBufferRequestPartHandler())
                    }
                }
                .connect(host: host, port: port)
                .get()
        } catch {
            throw Failure(description: "nobody answers on \(address)")
        }
        do {
            // Not in the initializer: one that is made for a connection that fails then is let go of, and NIO ends the
            // process when that happens before it knows that the channel is closed.
            let connection = try await channel.eventLoop
                .submit { try Connection(wrappingChannelSynchronously: channel) }
                .get()
            return try await converse(request, on: connection)
        } catch let error as ChannelError {
            throw Failure(description: "\(address) broke the connection off (\(error))")
        } catch let error as IOError {
            throw Failure(description: "\(address) broke the connection off (\(error))")
        } catch is HTTPParserError {
            throw Failure(description: "\(address) is not a media processor")
        }
    }

    private func converse(_ request: Request, on connection: Connection) async throws -> Answer {
        try await connection.executeThenClose { inbound, outbound in
            var headers = HTTPHeaders([("Host", address), ("Connection", "close")])
            if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
            if let body = request.body {
                headers.add(name: "Content-Type", value: "application/json")
                headers.add(name: "Content-Length", value: "\(body.count)")
            }
            let head = HTTPRequestHead(
                version: .http1_1,
                method: request.method,
                uri: request.path,
                headers: headers
            )
            // In one go: a server that is quick may have answered and closed the connection before a second write.
            var parts: [HTTPPart<HTTPRequestHead, ByteBuffer>] = [.head(head)]
            if let body = request.body { parts.append(.body(ByteBuffer(bytes: body))) }
            try await outbound.write(contentsOf: parts + [.end(nil)])
            var answer = Answer(status: 0, body: [])
            for try await part in inbound {
                switch part {
                case .head(let head): answer.status = Int(head.status.code)
                case .body(let buffer):
                    guard answer.body.count + buffer.readableBytes <= Self.maximumBodyBytes else {
                        throw Failure(description: "\(address) answers without an end")
                    }
                    answer.body += buffer.readableBytesView
                case .end: return answer
                }
            }
            throw Failure(description: "\(address) closed the connection before it had answered")
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
