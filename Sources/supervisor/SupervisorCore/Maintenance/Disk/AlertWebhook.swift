internal import HTTPClient
internal import JobModel
internal import Logging
internal import Settings
internal import Synchronization
internal import WorkerProtocol

/// Tells a webhook of alerts, one call at a time. A newer state replaces one that could not be delivered yet.
actor AlertWebhook: MaintenanceService {
    private let url: WebhookURL
    private let retry: WebhookRetry
    private let logger: Logger
    private let client = WebClient()
    private let notices: AsyncStream<DiskAlertNotice>
    private let incoming: AsyncStream<DiskAlertNotice>.Continuation

    /// For one call, from the connection to the end of the answer.
    private static let timeouts = WebTimeouts(connect: .seconds(5), idle: .seconds(10), total: .seconds(10))
    /// An answer's body means nothing to us. It is read so that the connection ends in order, but not beyond this.
    private static let answerLimits = WebResponseLimits(bodyBytes: 1 << 16)

    init(url: WebhookURL, retry: WebhookRetry = .init(), logger: Logger) {
        self.url = url
        self.retry = retry
        self.logger = logger
        (notices, incoming) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
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
        let request = WebRequest(
            .post,
            Array(url.text.utf8),
            headers: ["content-type": "application/json", "user-agent": "media-processor/\(Version.text)"],
            body: .bytes(body),
            timeouts: Self.timeouts,
            limits: Self.answerLimits
        )
        let answer = Answer()
        do throws(WebError) {
            _ = try await client.send(request, into: answer)
        } catch {
            // The status alone counts: an answer whose body is too long, or does not end, is one all the same.
            if answer.status == nil { return (.unanswered, "\(error)") }
        }
        guard let status = answer.status else { return (.unanswered, "there was no answer") }
        return (.status(status), "it answered \(status)")
    }
}

/// Keeps an answer's status, and nothing of its body.
private final class Answer: WebResponseSink {
    private let seen = Mutex<Int?>(nil)

    var status: Int? { seen.withLock(\.self) }

    func begin(_ response: WebResponse) { seen.withLock { $0 = response.status } }

    func receive(_ bytes: RawSpan) {}
}
