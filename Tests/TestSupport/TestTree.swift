package import AMQP
package import Foundation
import FoundationNetworking
package import JobModel
package import Queues
import Synchronization

/// A whole process tree on the shared test broker, with queues, workspace and store of its own.
package final class TestTree: Sendable {
    package let directory: String
    package let prefix: String
    package let names: QueueNames
    package let client: AMQPClient
    package let environment: [String: String]
    private let supervisor = Mutex<pid_t?>(nil)

    package var store: String { directory + "/store" }
    package var sources: String { directory + "/sources" }
    package var workspace: String { directory + "/temp/media-processor" }
    package var log: String {
        (try? String(contentsOfFile: directory + "/logs/media-processor.log", encoding: .utf8)) ?? ""
    }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    /// Runs `body` beside a ready tree; stops the tree and deletes its queues and files however `body` ends.
    ///
    /// - Parameter broker: of the tree and of the test itself; the shared test broker if nil.
    package static func with(
        _ settings: [String: String] = [:],
        broker: String? = nil,
        starting: Bool = true,
        _ body: (TestTree) async throws -> Void
    ) async throws {
        let tree = try await TestTree(settings, broker: broker)
        var failure: (any Error)?
        do {
            if starting {
                try await tree.running { try await body(tree) }
            } else {
                try await body(tree)
            }
        } catch {
            failure = error
        }
        await tree.deleteQueues()
        await tree.client.close()
        try? FileManager.default.removeItem(atPath: tree.directory)
        if let failure { throw failure }
    }

    /// Gives up after a minute: the broker may be one that the test has killed.
    private func deleteQueues() async {
        let patience = Task {
            try await Task.sleep(for: .seconds(60))
            await client.close()
        }
        for kind in MediaKind.allCases {
            var queues = Stage.allCases.flatMap { names.sources(kind, $0) }
            queues += [names.updates(kind), names.dead(kind), names.legacyRequests(kind), names.claims(kind)]
            for stage in Stage.allCases {
                queues += QueueNames.retryDelaysMilliseconds.map { names.retry(kind, stage, delayMilliseconds: $0) }
            }
            for queue in queues { _ = try? await client.delete(queue: queue) }
        }
        patience.cancel()
    }

    private init(_ settings: [String: String], broker: String?) async throws {
        let id = UUID().uuidString.lowercased()
        directory = "/tmp/media-processor-test-\(id)"
        prefix = settings["QUEUE_PREFIX"] ?? "it.\(id.prefix(8))."
        names = QueueNames(prefix: prefix, node: settings["NODE_ID"])
        for name in ["temp", "store", "state", "logs", "sources"] {
            try FileManager.default.createDirectory(
                atPath: directory + "/" + name,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        }
        var url = broker ?? ""
        if url.isEmpty { url = try await TestBroker.url() }
        var environment = ProcessInfo.processInfo.environment
        environment["RABBITMQ_URL"] = url
        environment["QUEUE_PREFIX"] = prefix
        environment["TEMP_DIR"] = directory + "/temp"
        environment["STATE_DIR"] = directory + "/state"
        environment["LOG_DIR"] = directory + "/logs"
        environment["STORAGE_URL"] = "file://" + directory + "/store"
        environment["FILE_SOURCE_ROOTS"] = directory + "/sources"
        environment["PORT"] = "0"
        environment["VIDEO_PRESET"] = "ultrafast"
        environment["PROGRESS_INTERVAL_SECONDS"] = "0.2"
        environment["MP_CRASH_FILE"] = directory + "/crash"
        environment.merge(settings) { $1 }
        self.environment = environment
        client = AMQPClient(
            endpoints: try AMQPEndpoints(parsing: url),
            connectionName: "integration-test",
            logger: TestBroker.logger
        )
        try client.start()
    }

    // MARK: - Processes

    /// - Parameter changes: Settings of this run, before those of the tree.
    package func start(_ changes: [String: String] = [:]) throws -> ChildProcess {
        let process = try ChildProcess(
            BuiltExecutable.path("supervisor"),
            ["run"],
            environment: environment.merging(changes) { $1 },
            output: directory + "/output"
        )
        supervisor.withLock { $0 = process.processID }
        return process
    }

    /// The processes that work on jobs, as the kernel lists them: children of the supervisor that was started last.
    package func workers() -> [(processID: pid_t, name: String)] {
        guard let supervisor = supervisor.withLock({ $0 }) else { return [] }
        return Self.children(of: supervisor).compactMap { child in
            let name = try? String(contentsOfFile: "/proc/\(child)/comm", encoding: .utf8)
            guard let name, name.hasPrefix("stage-") else { return nil }
            return (child, name.trimmingCharacters(in: .newlines))
        }
    }

    /// The supervisor that was started last.
    package var supervisorID: pid_t? { supervisor.withLock { $0 } }

    /// All processes beneath the supervisor that was started last.
    package func descendants() -> [pid_t] {
        func all(_ parent: pid_t) -> [pid_t] { Self.children(of: parent).flatMap { [$0] + all($0) } }
        return supervisor.withLock { $0 }.map(all) ?? []
    }

    private static func children(of parent: pid_t) -> [pid_t] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(parent)/task")) ?? []
        return tasks.flatMap { task in
            let path = "/proc/\(parent)/task/\(task)/children"
            let list = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            return list.split(separator: " ").compactMap { pid_t($0) }
        }
    }

    /// Sends a signal to the supervisor that was started last.
    package func signal(_ signal: Int32) {
        if let supervisor = supervisor.withLock({ $0 }) { kill(supervisor, signal) }
    }

    /// Starts the tree, waits until all its workers are ready, runs `body`, and drains the tree.
    package func running(_ changes: [String: String] = [:], _ body: () async throws -> Void) async throws {
        try await running(changes) {
        } whenHealthy: {
            try await body()
        }
    }

    /// As ``running(_:_:)``, and runs `start` before it waits for the workers.
    package func running(
        _ changes: [String: String] = [:],
        _ start: () async throws -> Void,
        whenHealthy body: () async throws -> Void
    ) async throws {
        let supervisor = try self.start(changes)
        do {
            try await start()
            try await waitUntilHealthy()
            try await body()
        } catch {
            supervisor.send(SIGTERM)
            _ = await supervisor.wait()
            print("the tree's log ended with:\n" + log.split(separator: "\n").suffix(40).joined(separator: "\n"))
            throw error
        }
        supervisor.send(SIGTERM)
        let exit = await supervisor.wait()
        guard exit == .status(0) else { throw Failure(description: "the supervisor ended with \(exit)") }
    }

    package func waitUntilHealthy() async throws {
        try await eventually("the tree is healthy") { try await self.get("/health")?.status == 200 }
    }

    // MARK: - HTTP

    package struct Answer {
        package var status: Int
        package var body: JSONValue
    }

    /// The URL of the tree, and the token for requests that change something.
    package func httpAccess() throws -> (url: String, token: String) {
        let file = try JSONValue(parsing: Data(contentsOf: URL(filePath: directory + "/state/supervisor.json")))
        guard let port = file.objectValue?["port"]?.clampedInteger, let token = file.objectValue?["token"]?.stringValue
        else { throw Failure(description: "the run file names no port and token") }
        return ("http://127.0.0.1:\(port)", token)
    }

    /// The text at a path.
    package func text(_ path: String) async throws -> String {
        guard let url = URL(string: try httpAccess().url + path) else { throw Failure(description: "no URL: \(path)") }
        return String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
    }

    /// Sends an order as the CLI does.
    package func post(_ path: String, _ body: JSONValue) async throws -> Answer {
        let (url, token) = try httpAccess()
        guard let url = URL(string: url + path) else { throw Failure(description: "no URL: \(path)") }
        var request = URLRequest(url: url, timeoutInterval: 120)
        request.httpMethod = "POST"
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("close", forHTTPHeaderField: "Connection")
        request.httpBody = Data(body.serialized())
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        return Answer(status: status, body: try JSONValue(parsing: data))
    }

    /// nil while nobody answers.
    package func get(_ path: String) async throws -> Answer? {
        guard let run = try? JSONValue(parsing: Data(contentsOf: URL(filePath: directory + "/state/supervisor.json"))),
            let port = run.objectValue?.first(where: { $0.key.string.lowercased().contains("port") })?.value
                .clampedInteger,
            let url = URL(string: "http://127.0.0.1:\(port)\(path)")
        else { return nil }
        var request = URLRequest(url: url, timeoutInterval: 5)
        request.setValue("close", forHTTPHeaderField: "Connection")
        guard let (data, response) = try? await URLSession.shared.data(for: request),
            let status = (response as? HTTPURLResponse)?.statusCode
        else { return nil }
        return Answer(status: status, body: try JSONValue(parsing: data))
    }

    /// Tells the tree to do something.
    @discardableResult
    package func order(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        let (address, token) = try httpAccess()
        guard let url = URL(string: address + path) else { throw Failure(description: "no URL: \(path)") }
        var request = URLRequest(url: url, timeoutInterval: 120)
        request.httpMethod = method
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.httpBody = body.map { Data($0.serialized()) }
        let (data, response) = try await URLSession.shared.data(for: request)
        return Answer(
            status: (response as? HTTPURLResponse)?.statusCode ?? 0,
            body: data.isEmpty ? .null : try JSONValue(parsing: data)
        )
    }

    /// The worker of a pool: its process id, and the job it works on.
    package func worker(_ pool: String) async throws -> (processID: pid_t, job: String?)? {
        let pools = try await get("/info")?.body.objectValue?["stages"]?.arrayValue ?? []
        let found = pools.first { $0.objectValue?["name"]?.stringValue == pool }
        guard let process = found?.objectValue?["processes"]?.arrayValue?.first?.objectValue,
            let id = process["pid"]?.clampedInteger
        else { return nil }
        return (pid_t(id), process["job"]?.stringValue)
    }

    /// Whether no worker has a job in its hands, as far as they have told.
    package func isIdle() async throws -> Bool {
        guard let info = try await get("/info") else { return false }
        let pools = info.body.objectValue?["stages"]?.arrayValue ?? []
        return pools.allSatisfy { pool in
            let processes = pool.objectValue?["processes"]?.arrayValue ?? []
            return processes.allSatisfy { $0.objectValue?["job"]?.stringValue == nil }
        }
    }

    /// Restarts of all workers so far.
    package func restarts() async throws -> Int64 {
        let pools = try await get("/health")?.body.objectValue?["pools"]?.objectValue ?? [:]
        return pools.values.reduce(0) { $0 + ($1.objectValue?["restarts"]?.clampedInteger ?? 0) }
    }

    // MARK: - Messages

    package func publish(_ object: JSONValue, to queue: String) async throws {
        // A queue that is there may have arguments.
        if try await client.messageCount(queue: queue) == nil { try await client.declare(AMQPQueue(queue)) }
        try await client.publish(AMQPMessage(body: object.serialized()), to: queue)
    }

    /// A job whose source is a file in the tree's source directory.
    package func submit(_ kind: MediaKind, id: String, source: String) async throws {
        try await publish(
            [
                "id": .string(id), "mediaId": .string("media-\(id)"), "userId": "u",
                "mediaType": .string(kind.mediaType), "source": .string("file://\(directory)/sources/\(source)"),
            ],
            to: names.entry(kind)
        )
    }

    /// Reads updates until every job of `ids` has had its terminal one.
    ///
    /// - Throws: ``Failure`` when that takes longer than three minutes.
    package func updates(_ kind: MediaKind, untilTheEndOf ids: Set<String>) async throws -> [[ByteText: JSONValue]] {
        let consumer = try client.consume(AMQPQueue(names.updates(kind)), prefetch: 50)
        let reading = Task {
            var updates: [[ByteText: JSONValue]] = []
            var waiting = ids
            let deliveries = consumer.makeAsyncIterator()
            while !waiting.isEmpty, let delivery = await deliveries.next() {
                let update = try JSONValue(parsing: delivery.body).objectValue ?? [:]
                updates.append(update)
                try await delivery.acknowledge()
                let isEnd = update["status"]?.stringValue != "processing" && update["refused"] != true
                if isEnd { waiting.remove(update["job_id"]?.stringValue ?? "") }
            }
            if !waiting.isEmpty { throw Failure(description: "no terminal update of \(waiting.sorted())") }
            return updates
        }
        let deadline = Task {
            try await Task.sleep(for: .seconds(180))
            reading.cancel()
        }
        defer { deadline.cancel() }
        let updates = try await reading.value
        await consumer.stop()
        return updates
    }

    /// The messages that wait in a queue now.
    package func drain(_ queue: String) async throws -> [AMQPDelivery] {
        let count = try await client.messageCount(queue: queue) ?? 0
        let consumer = try client.consume(AMQPQueue(queue), prefetch: 100)
        let deliveries = consumer.makeAsyncIterator()
        var found: [AMQPDelivery] = []
        while found.count < count, let delivery = await deliveries.next() {
            try await delivery.acknowledge()
            found.append(delivery)
        }
        await consumer.stop()
        return found
    }

    /// The first message that waits in a queue, which stays there.
    package func peek(_ queue: String) async throws -> [ByteText: JSONValue]? {
        let consumer = try client.consume(AMQPQueue(queue), declaring: false)
        let delivery = await consumer.makeAsyncIterator().next()
        let message = try delivery.map { try JSONValue(parsing: $0.body).objectValue ?? [:] }
        try await delivery?.reject(requeue: true)
        await consumer.stop()
        return message
    }

    // MARK: - Files

    /// Files and directories of jobs that are left in the workspace.
    package func leftovers() -> [String] {
        MediaKind.allCases.flatMap { kind in
            (try? FileManager.default.subpathsOfDirectory(atPath: workspace + "/jobs/" + kind.rawValue)) ?? []
        }
    }
}

/// Waits for a condition that nothing announces, with a bound.
package func eventually(
    _ what: String,
    within limit: Duration = .seconds(60),
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        // The condition lies in other processes, which announce nothing to us; the interval is short against the bound.
        try await Task.sleep(for: .milliseconds(5))
    }
    throw TestTree.Failure(description: "after \(limit) still not: \(what)")
}
