internal import CCurl

/// One exchange's state between libcurl's callbacks. Belongs to the thread that runs the exchange.
final class Transfer {
    private let sink: any WebResponseSink
    private let limits: WebResponseLimits
    private let isHead: Bool
    private let addressRefusal: (@Sendable ([UInt8]) -> String?)?
    private var head: HeadReader
    private var body: BodyReader
    private let didSend: (@Sendable (Int64) throws -> Void)?
    private let bandwidth: WebLimits
    /// Until when the exchange rests, so that it keeps the limit of its bandwidth; nil when nothing has gone since the
    /// last rest.
    private var rest: (until: ContinuousClock.Instant, of: Bandwidth)?
    private(set) var bodyBytes: Int64 = 0
    /// For how long the sink was busy with the body.
    private(set) var sinkTime = Duration.zero
    /// Why the last address was refused, as long as none was admitted.
    private(set) var addressProblem: String?
    private var hasAdmittedAddress = false
    /// libcurl's view of the exchange; set as long as its callbacks may be called.
    var info: EasyInfo?
    /// The final response; nil before it.
    private(set) var response: WebResponse?
    /// The reason for which a callback has ended the exchange.
    private(set) var failure: WebError?

    init(_ request: WebRequest, sink: any WebResponseSink, bandwidth: WebLimits = WebLimits()) {
        self.bandwidth = bandwidth
        self.sink = sink
        limits = request.limits
        isHead = request.method == .head
        addressRefusal = request.addressRefusal
        head = HeadReader(limits: request.limits)
        body = BodyReader(request.body)
        didSend = request.didSend
    }

    /// - Returns: whether the exchange goes on.
    func takeHeaderLine(_ line: UnsafeRawBufferPointer) -> Bool {
        let isComplete: Bool
        do throws(HeadReader.Refusal) {
            isComplete = try head.take(line)
        } catch {
            return end(with: WebError(.headerTooLarge, WebError.headerTooLarge))
        }
        guard isComplete, let info, info.status >= 200, self.response == nil else { return true }
        let length = info.contentLength
        let response = WebResponse(status: info.status, headers: head.headers, contentLength: length < 0 ? nil : length)
        self.response = response
        // Whoever asked for the status alone has it, however long the body is.
        do { try sink.begin(response) } catch { return end(withSinkError: error) }
        return isHead || length <= limits.bodyBytes ? true : refuseBody()
    }

    /// - Returns: whether the exchange goes on.
    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !bytes.isEmpty else { return true }
        bodyBytes += Int64(bytes.count)
        guard bodyBytes <= limits.bodyBytes else { return refuseBody() }
        note(bytes.count, bandwidth.receiving)
        if restLeft != nil { info?.stopReceiving() }
        let began = SuspendingClock.now
        defer { sinkTime += .now - began }
        do { try sink.receive(bytes.bytes) } catch { return end(withSinkError: error) }
        return true
    }

    /// Whether a connection to the address may be tried.
    ///
    /// - Parameter address: 4 or 16 bytes; empty for a family that has neither, which is never admitted.
    func admits(_ address: [UInt8]) -> Bool {
        let problem = address.isEmpty ? "its address is not of the Internet Protocol" : addressRefusal?(address)
        hasAdmittedAddress = hasAdmittedAddress || problem == nil
        addressProblem = hasAdmittedAddress ? nil : problem
        return problem == nil
    }

    /// - Returns: how many bytes there are now; nil when the exchange must end.
    func supplyBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count: Int
        do throws(WebError) { count = try body.read(into: buffer) } catch {
            _ = end(with: error)
            return nil
        }
        note(count, bandwidth.sending)
        guard let didSend else { return count }
        do { try didSend(body.position) } catch {
            _ = end(with: WebError(.refusedBySink, "the sending was ended: \(error)", cause: error))
            return nil
        }
        return count
    }

    // MARK: - Rests

    private func note(_ bytes: Int, _ limit: Bandwidth?) {
        guard let limit, bytes > 0 else { return }
        let until = limit.note(Int64(bytes))
        // Each way has a limit of its own.
        if let rest, rest.of !== limit, rest.until - rest.of.now > until - limit.now { return }
        rest = (until, limit)
    }

    /// For how long the exchange has to rest yet; nil when it may go on.
    var restLeft: Duration? {
        guard let rest else { return nil }
        let left = rest.until - rest.of.now
        return left > .zero ? left : nil
    }

    var hasRested: Bool { rest != nil }

    /// The rest is over.
    func endRest() { rest = nil }

    func seekBody(to position: Int64) -> Bool { body.seek(to: position) }

    private func refuseBody() -> Bool {
        end(with: WebError(.bodyTooLarge, "the response is larger than \(limits.bodyBytes) bytes"))
    }

    private func end(withSinkError error: any Error) -> Bool {
        end(with: WebError(.refusedBySink, "the response was not taken: \(error)", cause: error))
    }

    private func end(with error: WebError) -> Bool {
        if failure == nil { failure = error }
        return false
    }
}
