/// An HTTP request that this process sends.
package struct WebRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    /// The body, whose length is known before it is sent.
    package enum Body: Sendable {
        case bytes([UInt8])
        /// A part of a file. The descriptor must stay open until the exchange ends; its own position does not matter.
        case file(descriptor: CInt, offset: Int64, count: Int64)

        var count: Int64 {
            switch self {
            case .bytes(let bytes): Int64(bytes.count)
            case .file(_, _, let count): count
            }
        }
    }

    package var method: Method
    /// Absolute, with percent-encoding where a URL needs it; sent as it is. `http` or `https`, without a user name.
    package var url: [UInt8]
    package var headers: WebHeaders
    package var body: Body?
    package var timeouts: WebTimeouts
    package var limits: WebResponseLimits
    /// Asked before each connection, also to an address that a second lookup brought: 4 bytes of IPv4 or 16 of IPv6, in
    /// network order. Tells why there must be no connection to the address; nil when there may be one. Called on the
    /// exchange's thread.
    package var addressRefusal: (@Sendable (_ address: [UInt8]) -> String?)?
    /// Whether a connection that is kept may not serve: see ``WebConnections``.
    package var needsNewConnection = false
    /// Told how many bytes of the body libcurl has taken, from the start of the body; fewer than before when it has to
    /// send it once more. Ends the exchange with ``WebError/Code/refusedBySink`` when it throws.
    package var didSend: (@Sendable (Int64) throws -> Void)?

    package init(
        _ method: Method,
        _ url: [UInt8],
        headers: WebHeaders = WebHeaders(),
        body: Body? = nil,
        timeouts: WebTimeouts = WebTimeouts(),
        limits: WebResponseLimits = WebResponseLimits()
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
        self.limits = limits
    }
}

/// How long an exchange may take.
package struct WebTimeouts: Sendable, Hashable {
    /// For the name's lookup, the connection and the TLS handshake together.
    package var connect = Duration.seconds(10)
    /// For the time in which, after that, no byte goes either way.
    package var idle = Duration.seconds(30)
    /// For the whole header section of the response, from when the connection is ready; nil for no limit.
    package var head: Duration?
    /// The least that must come of a body; nil for no limit.
    package var rate: WebRate?
    /// For everything, from the start to the last byte of the response; nil for no limit.
    package var total: Duration?

    package init(
        connect: Duration = .seconds(10),
        idle: Duration = .seconds(30),
        head: Duration? = nil,
        rate: WebRate? = nil,
        total: Duration? = nil
    ) {
        self.connect = connect
        self.idle = idle
        self.head = head
        self.rate = rate
        self.total = total
    }
}

/// So many bytes of a body in each period. The time in which the sink is busy does not count.
package struct WebRate: Sendable, Hashable {
    package var bytes: Int64
    package var period: Duration

    package init(bytes: Int64, period: Duration) {
        self.bytes = bytes
        self.period = period
    }
}

/// How much of a response is taken.
package struct WebResponseLimits: Sendable, Hashable {
    /// The bytes of all header sections of the exchange, including interim responses and trailers.
    package var headerBytes: Int
    package var headerFields: Int
    package var bodyBytes: Int64

    package init(headerBytes: Int = 1 << 16, headerFields: Int = 256, bodyBytes: Int64 = 1 << 20) {
        self.headerBytes = headerBytes
        self.headerFields = headerFields
        self.bodyBytes = bodyBytes
    }
}
