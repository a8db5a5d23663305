import Files
import Hummingbird
import JobModel
import Logging
import NIOCore
import Settings
import Synchronization
import TempFiles
import TestSupport
import Testing

@testable import SupervisorCore

/// A receiver on loopback that answers as told and remembers its requests.
private final class Receiver: Sendable {
    struct State {
        var answers: [HTTPResponse.Status]
        var bodies: [[UInt8]] = []
    }

    private let state: Mutex<State>
    private let got = AsyncStream<Void>.makeStream()

    /// - Parameter answers: One for each call; the last one stays.
    init(_ answers: [HTTPResponse.Status]) { state = Mutex(State(answers: answers)) }

    var notices: [DiskAlertNotice] {
        get throws { try state.withLock(\.bodies).map { try JSONText.decode(DiskAlertNotice.self, from: $0) } }
    }

    func calls(_ count: Int) async {
        var calls = got.stream.makeAsyncIterator()
        for _ in 0..<count { await calls.next() }
    }

    /// Serves while the body runs, which gets the URL.
    func serving(_ body: @escaping @Sendable (WebhookURL) async throws -> Void) async throws {
        let router = Router()
        router.post("hook/:token") { request, _ in
            let bytes = try await request.body.collect(upTo: 1 << 16)
            let status = self.state.withLock { state in
                state.bodies.append([UInt8](bytes.readableBytesView))
                return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
            }
            self.got.continuation.yield()
            return Response(status: status, headers: status == .found ? [.location: "/hook/other"] : [:])
        }
        // A client that follows a redirect ends here.
        router.get("hook/:token") { _, _ in
            self.state.withLock { $0.bodies.append(Array("followed".utf8)) }
            self.got.continuation.yield()
            return Response(status: .ok)
        }
        let channels = AsyncStream<any Channel>.makeStream()
        let app = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channels.continuation.yield($0) },
            logger: TestBroker.logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.run() }
            group.addTask {
                var found = channels.stream.makeAsyncIterator()
                let channel = try #require(await found.next())
                let url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/hook/hunter2"
                try await body(try #require(try Settings.from(["ALERT_WEBHOOK_URL": url]).alertWebhook))
                await channel.stopAccepting()
            }
            // The server ends only when it is cancelled.
            try await group.next()
            group.cancelAll()
            try? await group.waitForAll()
        }
    }
}

@Suite(.timeLimit(.minutes(10)))
struct AlertWebhookTests {
    private let quick = WebhookRetry(maximumCalls: 5, first: .milliseconds(1), cap: .milliseconds(4))

    private func notice(_ state: DiskAlertNotice.State) -> DiskAlertNotice {
        DiskAlertNotice(
            state: state,
            space: FileSystemSpace(freeBytes: 1 << 30, totalBytes: 10 << 30, usedPercent: 90.04),
            alertPercent: 90,
            host: "h",
            path: "/tmp/w",
            at: "2026-01-01T00:00:00.000Z"
        )
    }

    private func calling(
        _ url: WebhookURL,
        _ body: (AlertWebhook) async throws -> Void
    ) async throws {
        let webhook = AlertWebhook(url: url, retry: quick, logger: TestBroker.logger)
        let run = Task { await webhook.run() }
        do { try await body(webhook) } catch {
            run.cancel()
            await run.value
            throw error
        }
        run.cancel()
        await run.value
    }

    @Test("A watched disk that fills and recovers calls the webhook for each change, and again until it is taken")
    func watched() async throws {
        let receiver = Receiver([.internalServerError, .tooManyRequests, .noContent])
        try await receiver.serving { url in
            try await calling(url) { webhook in
                let used = Mutex(10.0)
                let disk = DiskWatch(
                    path: "/tmp/w",
                    space: {
                        FileSystemSpace(freeBytes: 1, totalBytes: 100, usedPercent: used.withLock { $0 })
                    },
                    percent: 90,
                    logger: TestBroker.logger,
                    announce: { webhook.announce($0) }
                )
                #expect(await disk.look()?.isAlert == false)
                used.withLock { $0 = 95 }
                #expect(await disk.look()?.isAlert == true)
                #expect(await disk.look()?.isAlert == true)
                await receiver.calls(3)
                used.withLock { $0 = 20 }
                #expect(await disk.look()?.isAlert == false)
                await receiver.calls(1)
            }
        }
        let notices = try receiver.notices
        try #require(notices.map(\.state) == [.raised, .raised, .raised, .cleared])
        #expect(notices[0].event == "disk_alert" && notices[0].path == "/tmp/w" && notices[0].alertPercent == 90)
        #expect(notices[0].text.contains("filling up") && notices[0].host == HostName.current)
        #expect(notices[0] == notices[2])
    }

    @Test("A newer state takes the place of one that nobody took")
    func replaced() async throws {
        let receiver = Receiver([.badGateway])
        try await receiver.serving { url in
            let webhook = AlertWebhook(
                url: url,
                retry: .init(maximumCalls: 5, first: .seconds(3600), cap: .seconds(3600)),
                logger: TestBroker.logger
            )
            let run = Task { await webhook.run() }
            webhook.announce(notice(.raised))
            await receiver.calls(1)
            webhook.announce(notice(.cleared))
            await receiver.calls(1)
            run.cancel()
            await run.value
        }
        #expect(try receiver.notices.map(\.state) == [.raised, .cleared])
    }

    @Test("A redirect is not followed, and what the receiver refuses for good is not repeated", arguments: [302, 404])
    func refused(status: Int) async throws {
        let receiver = Receiver([.init(code: status)])
        try await receiver.serving { url in
            try await calling(url) { webhook in
                webhook.announce(notice(.raised))
                await receiver.calls(1)
                webhook.announce(notice(.cleared))
                await receiver.calls(1)
            }
        }
        #expect(try receiver.notices.map(\.state) == [.raised, .cleared])
    }

    @Test("Pauses grow to the cap, lie between half a step and a whole one, and end")
    func pauses() {
        let retry = WebhookRetry()
        let longest = (1...19).map { retry.verdict(.status(500), calls: $0, random: 1) }
        let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256] + Array(repeating: 300, count: 10)
        #expect(longest == seconds.map { .again(after: .seconds($0)) })
        #expect(retry.verdict(.unanswered, calls: 3, random: 0) == .again(after: .seconds(2)))
        #expect(retry.verdict(.unanswered, calls: 20, random: 0) == .givenUp)
        #expect(retry.verdict(.status(204), calls: 20, random: 0) == .delivered)
        #expect(retry.verdict(.status(403), calls: 1, random: 0) == .givenUp)
        #expect(retry.verdict(.status(302), calls: 1, random: 0) == .givenUp)
        #expect(retry.verdict(.status(429), calls: 1, random: 1) == .again(after: .seconds(1)))
    }
}
