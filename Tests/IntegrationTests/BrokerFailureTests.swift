import AMQP
import Foundation
import JobModel
import JobStore
import Logging
import Queues
import Settings
import TempFiles
import TempFilesSupport
import TestSupport
import Testing

@testable import SupervisorCore

/// A failure of the broker costs no job and no worker, is told once, and passes by itself.
///
/// A consumer's channel that is closed alone is in ``LongWorkTests``, certificates are in ``BrokerTLSTests``, a
/// connection that fails at each kind of frame is in `ProxyFaultTests`.
@Suite("A broker", .serialized, .ownNode())
struct BrokerFailureTests {
    private enum Absence: CaseIterable {
        case restart
        case kill
    }

    @Test("that is away for a while is waited for, and the job at hand goes on", arguments: Absence.allCases)
    private func away(_ absence: Absence) async throws {
        let node = try TestNode.current
        try await TroubledTree.with(broker: node.url) { tree in
            try await TroubledTree.submitAndHold(tree)
            switch absence {
            case .restart: try await node.control("stop_app")
            case .kill: node.kill()
            }
            try await TroubledTree.awaitLine(tree, "Lost the connection to the broker: ")
            try await TroubledTree.awaitProblem(tree, "the broker is away: ")
            // Its work ends while nobody takes its result.
            try TroubledTree.release(tree)
            try await TroubledTree.expectOneLine(tree, "check that the broker runs and the address is right")
            switch absence {
            case .restart: try await node.control("start_app")
            case .kill: try await node.start()
            }
            try await TroubledTree.expectDone(tree)
            for process in TroubledTree.processes {
                #expect(TroubledTree.lines(tree, "Lost the connection", from: process).count == 1)
                #expect(TroubledTree.lines(tree, "Connected to the broker.", from: process).count == 2)
            }
        }
    }

    @Test("that is not there at the start is waited for")
    func awayAtStart() async throws {
        let node = try TestNode.current
        try await TroubledTree.with(broker: node.url, starting: false) { tree in
            try await node.control("stop_app")
            try await tree.running {
                try await TroubledTree.awaitProblem(
                    tree,
                    "the broker is away: cannot reach the broker at amqp://test:***@"
                )
                try await TroubledTree.expectOneLine(tree, "check that the broker runs and the address is right")
                try await node.control("start_app")
            } whenHealthy: {
                try await tree.submit(.image, id: TroubledTree.job, source: "photo.jpg")
                try await TroubledTree.expectDone(tree)
            }
        }
    }

    @Test("that is away makes no job silent: time without it counts for none, and time with it does")
    func timeWithoutIt() async throws {
        let node = try TestNode.current
        // 5.4 seconds. The time of service is written down four times as often.
        try await TroubledTree.with(["JOB_MAX_AGE_HOURS": "0.0015"], broker: node.url) { tree in
            let tracker = try TempFileTracker.open(
                temporaryDirectory: tree.directory + "/temp",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let rules = SweepRules(graceTime: .seconds(3600), maximumSilence: .milliseconds(5400))
            try await eventually("time with the broker counts") { try await tracker.jobs.service().all > .zero }
            // Its message waits for an encoder.
            let job = JobKey(kind: .image, id: "waiting")
            guard case .acquired(let lease) = try await tracker.acquireLease(job, timeout: .zero) else { return }
            _ = try await tracker.jobs.begin(job, StageMessage(stage: .process, hop: 1, mediaID: "m", manifest: nil))
            lease.release()
            try await node.control("stop_app")
            try await TroubledTree.awaitProblem(tree, "the broker is away: ")
            try await eventually("its silence is noted") {
                (try? await tracker.cleanupOrphanedFiles(rules)) != nil
            }
            let before = try await tracker.jobs.service()
            try await Task.sleep(for: .seconds(10))
            let after = try await tracker.jobs.service()
            // Time from before the broker was missed may have been written down since.
            #expect(after.all - before.all <= .seconds(3))
            #expect(try await tracker.findOrphanedFiles(rules).isEmpty)
            try await node.control("start_app")
            let encoding = ServedStage(.image, .process)
            try await eventually("time counts again", within: .seconds(120)) {
                try await tracker.jobs.service().stages[encoding] ?? .zero >= (after.stages[encoding] ?? .zero)
                    + .seconds(6)
            }
            #expect(try await tracker.findOrphanedFiles(rules).map(\.reason) == [.abandonedJob])
            // Nobody was there to encode videos.
            #expect(try await tracker.jobs.service().stages[ServedStage(.video, .process)] == .zero)
            _ = try await tracker.cleanupAllTempFiles()
        }
    }

    private enum Alarm: String, CaseIterable {
        case memory
        case disk

        func set(_ node: TestNode, _ isRaised: Bool) async throws {
            switch self {
            case .memory: try await node.control("set_vm_memory_high_watermark", isRaised ? "0" : "0.4")
            case .disk: try await node.control("set_disk_free_limit", isRaised ? "100000GB" : "10MB")
            }
        }
    }

    @Test("that takes no messages because of an alarm gets them when it is over", arguments: Alarm.allCases)
    private func alarm(_ alarm: Alarm) async throws {
        let node = try TestNode.current
        try await TroubledTree.with(broker: node.url) { tree in
            try await TroubledTree.submitAndHold(tree)
            try await alarm.set(node, true)
            try TroubledTree.release(tree)
            try await TroubledTree.awaitProblem(tree, "the broker takes no messages: low on \(alarm)")
            let said = TroubledTree.workers.map { worker in
                TroubledTree.lines(tree, "The broker takes no messages: low on \(alarm)", from: worker).count
            }
            #expect(said.contains(1) && said.allSatisfy { $0 <= 1 })
            #expect(!tree.leftovers().isEmpty, "the job has not ended")
            try await alarm.set(node, false)
            try await TroubledTree.expectDone(tree)
            #expect(TroubledTree.lines(tree, "Lost the connection").isEmpty)
        }
    }

    @Test("that takes no messages makes a publish fail when its time is up, with a verdict to try again")
    func boundedPublish() async throws {
        let node = try TestNode.current
        var configuration = AMQPConfiguration()
        configuration.publishTimeout = .seconds(1)
        configuration.replyTimeout = .seconds(1)
        try await withTestClient(to: node.endpoint, configuration: configuration) { client in
            try await client.declare(AMQPQueue("bounded"))
            let consumer = try client.consume(AMQPQueue("bounded.other"))
            try await Alarm.memory.set(node, true)
            // The first is sent before the broker says that it is blocked, the second is kept.
            for code in [AMQPError.Code.unconfirmed, .timedOut] {
                let error = await #expect(throws: AMQPError.self) {
                    try await client.publish(AMQPMessage(body: [1]), to: "bounded")
                }
                #expect(error?.code == code)
                #expect(error?.isRetriable == true)
            }
            guard case .blocked(let reason) = client.state else {
                Issue.record("the client does not know that it is blocked")
                return
            }
            #expect(reason == "low on memory")
            // Neither do other requests wait for the end of the alarm, and the connection is kept.
            let error = await #expect(throws: AMQPError.self) { try await client.messageCount(queue: "bounded") }
            #expect(error?.code == .timedOut)
            await consumer.stop()
            let findings = await BrokerChecks(settings: try Settings.from(["RABBITMQ_URL": node.url])).findings()
            let alarm = findings.first { $0.check == "broker.alarm" }
            #expect(alarm?.verdict == .failure)
            #expect(alarm?.message == "it takes no messages: low on memory")
            #expect(client.state == .blocked(reason: reason))
            try await Alarm.memory.set(node, false)
            try await client.publish(AMQPMessage(body: [1]), to: "bounded")
            // The unconfirmed message had arrived all the same; the unsent one had not.
            #expect(try await client.delete(queue: "bounded") == 2)
            try await client.delete(queue: "bounded.other")
            let healed = await BrokerChecks(settings: try Settings.from(["RABBITMQ_URL": node.url])).findings()
            #expect(!healed.contains { $0.verdict == .failure }, "\(healed)")
        }
    }

    @Test("whose queues are deleted gets them again")
    func deletedQueues() async throws {
        let node = try TestNode.current
        try await TroubledTree.with(broker: node.url) { tree in
            try await TroubledTree.submitAndHold(tree)
            let names = Stage.allCases.map { tree.names.work(.image, $0) } + [tree.names.updates(.image)]
            for name in names { try await tree.client.delete(queue: name) }
            try await TroubledTree.awaitLine(tree, "The broker ended a subscription", of: TroubledTree.workers)
            try TroubledTree.release(tree)
            try await TroubledTree.expectDone(tree)
            #expect(TroubledTree.lines(tree, "Lost the connection").isEmpty)
        }
    }

    @Test("that falls silent without closing a connection is given up by heartbeat")
    func halfOpen() async throws {
        let node = try TestNode.current
        let proxy = try FaultProxy(to: node.endpoint)
        defer { proxy.close() }
        try await TroubledTree.with(["RABBITMQ_URL": proxy.url(heartbeat: 1)], broker: node.url) { tree in
            try await TroubledTree.submitAndHold(tree)
            proxy.silence(true)
            try await TroubledTree.awaitLine(tree, "Lost the connection to the broker: ")
            try await TroubledTree.awaitProblem(tree, "the broker is away: ")
            try TroubledTree.release(tree)
            try await TroubledTree.awaitLine(tree, "did not complete the login")
            proxy.silence(false)
            try await TroubledTree.expectDone(tree)
        }
    }

    @Test("that does not know the user, then the user's right to the virtual host, then to its queues, is asked again")
    func credentials() async throws {
        let node = try TestNode.current
        let url = node.url.replacing("\(TestNode.user):\(TestNode.password)@", with: "late:late-password@")
        try await TroubledTree.with(broker: url, starting: false) { tree in
            try await tree.running {
                try await TroubledTree.awaitProblem(tree, "check user 'late' and the password in the broker URL")
                try await TroubledTree.expectOneLine(tree, "check user 'late' and the password in the broker URL")
                try await node.control("add_user", "late", "late-password")
                try await TroubledTree.awaitProblem(
                    tree,
                    "check that virtual host '/' exists and user 'late' may use it"
                )
                try await TroubledTree.expectOneLine(
                    tree,
                    "check that virtual host '/' exists and user 'late' may use it"
                )
                try await node.control("set_permissions", "late", "^$", "^$", "^$")
                try await TroubledTree.awaitLine(tree, "the queues were not declared", of: TroubledTree.workers)
                try await node.control("set_permissions", "late", ".*", ".*", ".*")
            } whenHealthy: {
                try await tree.submit(.image, id: TroubledTree.job, source: "photo.jpg")
                try await TroubledTree.expectDone(tree)
                for worker in TroubledTree.workers {
                    #expect(TroubledTree.lines(tree, "the queues were not declared", from: worker).count <= 2)
                }
            }
            #expect(!tree.log.contains("late-password"))
        }
    }

    @Test("without the virtual host is asked again until it is made")
    func virtualHost() async throws {
        let node = try TestNode.current
        try await TroubledTree.with(broker: node.url + "/late", starting: false) { tree in
            try await tree.running {
                let advice = "check that virtual host 'late' exists"
                try await TroubledTree.awaitProblem(tree, advice)
                try await TroubledTree.expectOneLine(tree, advice)
                try await node.control("add_vhost", "late")
                try await node.control("set_permissions", "--vhost", "late", TestNode.user, ".*", ".*", ".*")
            } whenHealthy: {
                try await tree.submit(.image, id: TroubledTree.job, source: "photo.jpg")
                try await TroubledTree.expectDone(tree)
            }
        }
    }
}
