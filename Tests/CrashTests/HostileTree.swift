import AMQP
import Foundation
import JobModel
import Queues
import Synchronization
import TestSupport
import Testing

/// A tree of images that may be sent anything, and the expectations for each message: exactly one end or one dead
/// letter with its bytes, no dead worker, and no more processor time and log than its size allows.
final class HostileTree: Sendable {
    static let kind = MediaKind.image

    /// The cost that a message may have. Processor time is that of debug builds, of all processes except the broker.
    enum Limit {
        static let logBytes = 64 << 10
        static func processorSeconds(bodyBytes: Int) -> Double { 1 + 8 * Double(bodyBytes) / Double(1 << 20) }
        /// The length of an update, whatever the job brought along.
        static let updateBytes = 256 << 10
    }

    /// Messages with one body.
    private struct Sent {
        var count = 0
        /// The ids of the jobs in them.
        var ids: Set<ByteKey> = []
        /// The ids of jobs that they name and are not.
        var refused: Set<ByteKey> = []
    }

    let tree: TestTree
    private let outcomes = Outcomes()
    private let published = Mutex<[ByteKey: Sent]>([:])
    /// Bodies of the messages that name a job's id.
    private let naming = Mutex<[ByteKey: Set<ByteKey>]>([:])
    private let client: AMQPClient

    var names: QueueNames { tree.names }
    func queue(_ stage: Stage) -> String { names.work(Self.kind, stage) }

    private init(_ tree: TestTree, _ client: AMQPClient) {
        self.tree = tree
        self.client = client
    }

    /// Runs `body` beside a ready tree; at the end nothing may be left of the messages.
    static func with(_ settings: [String: String] = [:], _ body: (HostileTree) async throws -> Void) async throws {
        var settings = settings
        settings["WORKERS"] = Stage.allCases.map { "\($0.rawValue).video=0" }.joined(separator: ",")
        settings["MAX_ATTEMPTS"] = settings["MAX_ATTEMPTS"] ?? "1"
        try await TestTree.with(settings) { tree in
            try await Samples.photo(tree.directory + "/sources/photo.jpg", size: "320x240")
            let configuration = AMQPConfiguration(maximumBodyBytes: AMQPConfiguration.brokerBodyBytes)
            try await withTestClient(configuration: configuration) { client in
                let hostile = HostileTree(tree, client)
                let workers = Set(tree.workers().map(\.processID))
                try await hostile.collecting { try await body(hostile) }
                try await hostile.expectNothingLeft()
                #expect(Set(tree.workers().map(\.processID)) == workers, "a worker died")
                #expect(try await tree.restarts() == 0)
            }
        }
    }

    private func collecting(_ body: () async throws -> Void) async throws {
        let outcomes = outcomes
        let letters = try client.consume(AMQPQueue(names.dead(Self.kind)), prefetch: 4)
        let updates = try client.consume(AMQPQueue(names.updates(Self.kind)), prefetch: 50)
        let readers = [
            Task {
                for await delivery in letters {
                    outcomes.add(letter: delivery)
                    try await delivery.acknowledge()
                }
            },
            Task {
                for await delivery in updates {
                    outcomes.add(update: delivery)
                    try await delivery.acknowledge()
                }
            },
        ]
        do {
            try await body()
        } catch {
            for reader in readers { reader.cancel() }
            throw error
        }
        try await eventually("all queues are empty") { try await self.waiting().isEmpty }
        await letters.stop()
        await updates.stop()
        for reader in readers { try await reader.value }
    }

    /// Queues with messages.
    private func waiting() async throws -> [String] {
        var queues = Stage.allCases.map(queue)
        queues += [names.dead(Self.kind), names.updates(Self.kind), names.legacyRequests(Self.kind)]
        for stage in Stage.allCases {
            queues += QueueNames.retryDelaysMilliseconds.map {
                names.retry(Self.kind, stage, delayMilliseconds: $0)
            }
        }
        var found: [String] = []
        for queue in queues where try await tree.client.messageCount(queue: queue) ?? 0 > 0 { found.append(queue) }
        return found
    }

    private func expectNothingLeft() async throws {
        #expect(tree.leftovers().isEmpty)
        let published = published.withLock { $0 }
        for (body, sent) in published { #expect(count(body, sent) == sent.count) }
        for (id, bodies) in naming.withLock({ $0 }) { expectEnds(of: id, bodies, published) }
        #expect(outcomes.letters == outcomes.failures + published.reduce(0) { $0 + outcomes.letters(of: $1.key) })
        #expect(outcomes.longestUpdate <= Limit.updateBytes)
        for path in ["/jobs?limit=1000", "/dead", "/health"] { #expect(try await tree.get(path)?.status == 200) }
    }

    /// The outcomes of the messages with this body: dead letters, or ends of the jobs in them. The end of a job whose
    /// id other messages have as well may be that of one of these.
    private func count(_ body: ByteKey, _ sent: Sent) -> Int {
        let letters = outcomes.letters(of: body)
        return letters > 0 && sent.ids.contains(where: isShared) ? letters : outcomes.count(body, sent.ids)
    }

    private func isShared(_ id: ByteKey) -> Bool { naming.withLock { $0[id, default: []].count > 1 } }

    /// Expects one end for an id if any of its messages was accepted, and none otherwise; one refusal of each message
    /// that can be no job or came with the id of another job, and no other refusal.
    private func expectEnds(of id: ByteKey, _ bodies: Set<ByteKey>, _ published: [ByteKey: Sent]) {
        let messages = bodies.compactMap { published[$0] }
        let isTaken = bodies.contains { published[$0]?.ids.contains(id) == true && outcomes.letters(of: $0) == 0 }
        #expect(outcomes.ends(of: id) == (isTaken ? 1 : 0))
        let certain = messages.filter { $0.refused.contains(id) }.reduce(0) { $0 + $1.count }
        let all = messages.reduce(0) { $0 + $1.count }
        if bodies.count == 1 {
            #expect(outcomes.refusals(of: id) == certain)
        } else {
            // While the job that has the id goes on, its end is all that clients hear.
            #expect(outcomes.refusals(of: id) <= all - (isTaken ? 1 : 0))
        }
    }

    /// The numbers of dead letters and ends.
    var outcomesText: String { outcomes.text }

    // MARK: - Sending

    func publish(_ message: HostileMessage) async throws {
        published.withLock { published in
            published[message.body, default: Sent()].count += 1
            if let id = message.id { published[message.body, default: Sent()].ids.insert(id) }
            if let id = message.refusedID { published[message.body, default: Sent()].refused.insert(id) }
        }
        for id in [message.id, message.refusedID].compactMap(\.self) {
            naming.withLock { _ = $0[id, default: []].insert(message.body) }
        }
        do {
            try await client.publish(message.message, to: message.queue)
        } catch {
            throw TestTree.Failure(description: "not sent: \(error): \(message.summary)")
        }
    }

    private func isDone(_ message: HostileMessage) -> Bool {
        let sent = published.withLock { $0[message.body] ?? Sent() }
        return count(message.body, sent) >= sent.count
            && sent.refused.allSatisfy { outcomes.refusals(of: $0) > 0 || isShared($0) }
    }

    /// Sends messages together, waits for the end of all, and expects them within their limits.
    func send(_ messages: [HostileMessage], _ figures: Figures = Figures()) async throws {
        let before = try usage()
        for message in messages { try await publish(message) }
        do {
            try await eventually("all messages ended", within: .seconds(120)) { messages.allSatisfy(isDone) }
        } catch {
            let missing = messages.filter { !isDone($0) }.map(\.summary).joined(separator: "\n")
            throw TestTree.Failure(description: "\(error), in \(try await waiting()):\n\(missing)")
        }
        let used = try usage() - before
        figures.add(messages, used)
        let limit = messages.reduce(0) { $0 + Limit.processorSeconds(bodyBytes: $1.message.body.count) }
        let what = messages.map(\.summary).joined(separator: "\n")
        #expect(used.processorSeconds <= limit, "\(what)")
        #expect(used.logBytes <= Limit.logBytes * messages.count, "\(what)")
    }

    /// Submits a job by HTTP. A job that is accepted there ends.
    func post(_ job: [ByteText: JSONValue]) async throws {
        let id = UUID().uuidString
        var job = job
        job["id"] = .string(id)
        let answer = try await tree.post("/jobs", .object(job))
        guard answer.status == 202 else {
            #expect((400..<500).contains(answer.status))
            return
        }
        let key = ByteKey(Array(id.utf8))
        try await eventually("the job that HTTP accepted ended") { self.outcomes.ends(of: key) == 1 }
    }

    // MARK: - What it costs

    struct Usage {
        var processorSeconds = 0.0
        var logBytes = 0

        static func - (left: Usage, right: Usage) -> Usage {
            Usage(
                processorSeconds: left.processorSeconds - right.processorSeconds,
                logBytes: left.logBytes - right.logBytes
            )
        }
    }

    private func usage() throws -> Usage {
        var usage = Usage()
        for process in tree.workers().map(\.processID) + [tree.supervisorID].compactMap(\.self) {
            // After the name, which may have blanks and brackets: utime and stime are the fields 14 and 15 of proc(5).
            let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            let ticks = fields.dropFirst(12).prefix(2).compactMap { Double($0) }.reduce(0, +)
            usage.processorSeconds += ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
        let logs = tree.directory + "/logs"
        for name in try FileManager.default.contentsOfDirectory(atPath: logs) {
            let size = try FileManager.default.attributesOfItem(atPath: logs + "/" + name)[.size] as? Int
            usage.logBytes += size ?? 0
        }
        return usage
    }
}

/// The cost of the messages that were sent so far.
final class Figures: Sendable {
    private struct State {
        var messages = 0
        var total = HostileTree.Usage()
        var mostProcessor = (seconds: 0.0, name: "")
        var mostLog = (bytes: 0, name: "")
    }

    private let state = Mutex(State())

    func add(_ messages: [HostileMessage], _ used: HostileTree.Usage) {
        state.withLock { state in
            state.messages += messages.count
            state.total.processorSeconds += used.processorSeconds
            state.total.logBytes += used.logBytes
            // Among messages that were sent together nobody knows which one it was.
            guard messages.count == 1, let only = messages.first else { return }
            let name = "\(only.name), \(only.message.body.count) bytes"
            if used.processorSeconds > state.mostProcessor.seconds {
                state.mostProcessor = (used.processorSeconds, name)
            }
            if used.logBytes > state.mostLog.bytes { state.mostLog = (used.logBytes, name) }
        }
    }

    var messages: Int { state.withLock { $0.messages } }

    var text: String {
        state.withLock { state in
            let count = max(state.messages, 1)
            let milliseconds = Int(state.total.processorSeconds * 1000) / count
            return """
                \(state.messages) messages; each \(milliseconds) ms of processor time and \
                \(state.total.logBytes / count) bytes of log; at most \(Int(state.mostProcessor.seconds * 1000)) ms \
                (\(state.mostProcessor.name)) and \(state.mostLog.bytes) bytes (\(state.mostLog.name))
                """
        }
    }
}

/// Dead letters and ends so far.
private final class Outcomes: Sendable {
    private struct State {
        var letters: [ByteKey: Int] = [:]
        var letterCount = 0
        var ends: [ByteKey: Int] = [:]
        var failures = 0
        /// Messages that were not taken, by the id that they name.
        var refusals: [ByteKey: Int] = [:]
        var longestUpdate = 0
    }

    private let state = Mutex(State())

    func add(letter delivery: AMQPDelivery) {
        state.withLock { state in
            state.letters[ByteKey(delivery.body), default: 0] += 1
            state.letterCount += 1
        }
    }

    func add(update delivery: AMQPDelivery) {
        let update = try? JSONValue(parsing: delivery.body).objectValue
        let status = update?["status"]?.stringValue ?? ""
        let job = ByteKey(Array("\(update?["job_id"]?.stringValue ?? "")".utf8))
        state.withLock { state in
            state.longestUpdate = max(state.longestUpdate, delivery.body.count)
            guard status != "processing" else { return }
            // The update is about a message that is no job, which became a dead letter.
            if update?["refused"] == true {
                state.refusals[job, default: 0] += 1
                return
            }
            state.ends[job, default: 0] += 1
            if status == "failed" { state.failures += 1 }
        }
    }

    /// The outcomes of the messages with this body, which hold these jobs.
    func count(_ body: ByteKey, _ jobs: Set<ByteKey>) -> Int {
        state.withLock { state in
            (state.letters[body] ?? 0) + jobs.reduce(0) { $0 + (state.ends[$1] ?? 0) }
        }
    }

    func ends(of job: ByteKey) -> Int { state.withLock { $0.ends[job] ?? 0 } }

    func refusals(of job: ByteKey) -> Int { state.withLock { $0.refusals[job] ?? 0 } }

    func letters(of body: ByteKey) -> Int { state.withLock { $0.letters[body] ?? 0 } }

    var text: String {
        state.withLock { state in
            let ends = state.ends.values.reduce(0, +)
            return
                "\(state.letterCount - state.failures) letters of no job, "
                + "\(state.refusals.values.reduce(0, +)) of them told, \(ends) ends, \(state.failures) of them failed"
        }
    }

    var letters: Int { state.withLock { $0.letterCount } }
    var failures: Int { state.withLock { $0.failures } }
    var longestUpdate: Int { state.withLock { $0.longestUpdate } }
}
