internal import AsyncHTTPClient
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceKit

/// Tells a webhook of alerts, one call at a time. A newer state replaces one that could not be delivered yet.
actor AlertWebhook: MaintenanceService {
    private let url: WebhookURL
    private let retry: WebhookRetry
    private let logger: Logger
    private let client: HTTPClient
    private let notices: AsyncStream<DiskAlertNotice>
    private let incoming: AsyncStream<DiskAlertNotice>.Continuation

    /// The limit of one call, from the connection to the end of the answer.
    private static let callTimeout = TimeAmount.seconds(10)
    /// An answer's body means nothing to us. It is read so that the connection ends in order, but not beyond this.
    private static let maximumAnswerBytes = 1 << 16

    init(url: WebhookURL, retry: WebhookRetry = .init(), logger: Logger) {
        self.url = url
        self.retry = retry
        self.logger = logger
        (notices, incoming) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            configuration: .init(
                redirectConfiguration: .disallow,
                timeout: .init(connect: .seconds(5), read: Self.callTimeout)
            )
        )
    }

    /// Waits for nobody; notices are sent in this order.
    nonisolated func announce(_ notice: DiskAlertNotice) { incoming.yield(notice) }

    /// Sends the notices until the task is cancelled. The log tells of a notice that was not delivered by then.
    func run() async {
        var delivery: Task<Void, Never>?
        for await notice in notices {
            // Never two calls at once, or the older one might arrive last.
            delivery?.cancel()
            await delivery?.value
            delivery = Task { await deliver(notice) }
        }
        delivery?.cancel()
        await delivery?.value
        try? await client.shutdown()
    }

    private func deliver(_ notice: DiskAlertNotice) async {
        let metadata: Logger.Metadata = ["webhook": "\(url.origin)", "alert.state": "\(notice.state.rawValue)"]
        guard let body = try? JSONText.encode(notice) else { return }
        var calls = 0
        while !Task.isCancelled {
            calls += 1
            let (outcome, cause) = await call(body)
            switch retry.verdict(outcome, calls: calls, random: .random(in: 0...1)) {
            case .delivered:
                return logger.info("the alert was sent to the webhook", metadata: metadata)
            case .givenUp:
                return logger.error(
                    "the alert could not be sent to the webhook; check ALERT_WEBHOOK_URL and its receiver",
                    metadata: metadata.merging([LogKey.cause: "\(cause)", "calls": "\(calls)"]) { $1 }
                )
            case .again(let pause):
                if !Task.isCancelled {
                    logger.warning(
                        "the webhook does not take the alert yet; it is called again",
                        metadata: metadata.merging([LogKey.cause: "\(cause)", "calls": "\(calls)"]) { $1 }
                    )
                }
                try? await Task.sleep(for: pause)
            }
        }
        logger.notice("an alert that was not delivered is no longer sent", metadata: metadata)
    }

    private func call(_ body: [UInt8]) async -> (WebhookRetry.Outcome, cause: String) {
        var request = HTTPClientRequest(url: url.text)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "media-processor/\(Version.text)")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await client.execute(request, timeout: Self.callTimeout)
            _ = try? await response.body.collect(upTo: Self.maximumAnswerBytes)
            return (.status(Int(response.status.code)), "it answered \(response.status.code)")
        } catch {
            return (.unanswered, "\(error)")
        }
    }
}
