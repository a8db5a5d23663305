internal import AMQP
internal import JobModel
internal import Logging
internal import Queues

/// The supervisor's own connection to the broker. Its heartbeats tell whether the broker is there. It carries new jobs
/// that come by HTTP, events of buckets and the jobs that are made of them, ends of abandoned and cancelled jobs, jobs
/// that are given back to download, claims, and questions for the lengths of queues. Code that looks through a queue
/// message by message has a connection of its own (``QueueBrowser``, ``UpdatesTrim``).
actor BrokerLink {
    private var client: AMQPClient?
    private(set) var endpoints: AMQPEndpoints?
    /// Counts connections, those that were lost included.
    private var connection: UInt64 = 0
    private var following: Task<Void, Never>?
    /// Questions that may outlast the patience of their askers. They end with the connection at the latest.
    private var questions: [UInt64: Task<Void, Never>] = [:]
    private var lastQuestion: UInt64 = 0
    private let configuration: AMQPConfiguration
    private let logger: Logger

    init(configuration: AMQPConfiguration = AMQPConfiguration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Connects, now and whenever the connection breaks, to the broker at `url` and to no other.
    ///
    /// - Parameter url: one URL, or those of a broker's nodes with commas between them.
    func connect(to url: String) async throws(AMQPError) {
        let endpoints = try AMQPEndpoints(parsing: url)
        let next = AMQPClient(
            endpoints: endpoints,
            connectionName: "supervisor",
            configuration: configuration,
            logger: logger
        )
        try next.start()
        let previous = client
        client = next
        self.endpoints = endpoints
        connection += 1
        let unfollowed = following
        unfollowed?.cancel()
        following = Task { [weak self, states = next.states] in
            for await state in states where !state.isConnected { await self?.noteLoss() }
        }
        await previous?.close()
        await unfollowed?.value
    }

    func close() async {
        following?.cancel()
        await client?.close()
        await following?.value
        for question in questions.values { await question.value }
    }

    private func noteLoss() { connection += 1 }

    /// The number of the connection, when the broker answers on it and takes messages; nil otherwise. A connection that
    /// has fallen silent looks like any other until its heartbeats are missed.
    ///
    /// - Parameter queue: the queue that the broker is asked about; it need not exist.
    func connectionThatAnswers(asking queue: String) async -> UInt64? {
        let before = connection
        guard let client, case .connected = client.state else { return nil }
        do { _ = try await client.messageCount(queue: queue) } catch { return nil }
        return connection == before ? before : nil
    }

    /// The connection, when the broker is there.
    ///
    /// - Throws: ``TreeError``.
    func connected() async throws -> AMQPClient {
        await waitWhileConnecting()
        guard let client, problem == nil else {
            throw TreeError(message: problem ?? "the connection to the broker is closed")
        }
        return client
    }

    /// The connection, whether the broker is there or not; nil before the first try to connect.
    var link: AMQPClient? { client }

    /// Returns when the broker is there, or the task is cancelled.
    func waitUntilConnected() async { try? await client?.waitUntilConnected() }

    /// Waits a moment for a tree that has just come up and is about to be connected.
    private func waitWhileConnecting() async {
        guard let client, case .connecting = client.state else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await client.waitUntilConnected() }
            group.addTask { try? await Task.sleep(for: .seconds(5)) }
            await group.next()
            group.cancelAll()
        }
    }

    /// The address of the node that the connection leads to, or of all nodes while there is none. Without secrets.
    var address: String {
        if problem == nil, let node = client?.connectedEndpoint { return node.redacted }
        return endpoints?.redacted ?? ""
    }

    /// Messages that wait in each of these queues; nil when the broker does not say now. Queues that do not exist are
    /// left out.
    func depths(of queues: [String]) async -> [String: Int]? {
        guard let client, problem == nil else { return nil }
        var depths: [String: Int] = [:]
        do {
            for queue in queues { depths[queue] = try await client.messageCount(queue: queue) }
        } catch {
            return nil
        }
        return depths
    }

    /// As ``depths(of:)``, for callers that cannot wait until the heartbeats miss a connection that has fallen silent:
    /// nil when the broker does not answer within `limit`. The question is forgotten with the connection then.
    func depths(of queues: [String], within limit: Duration) async -> [String: Int]? {
        lastQuestion += 1
        let number = lastQuestion
        let question = Question { [self] in
            let depths = await self.depths(of: queues)
            await forget(question: number)
            return depths
        }
        questions[number] = question.task
        return await question.answer(within: limit) ?? nil
    }

    private func forget(question number: UInt64) { questions[number] = nil }

    /// nil when connected.
    var problem: String? {
        switch client?.state {
        case .connected, .blocked: nil
        case .disconnected(let error): error.message
        case .connecting: "not connected yet"
        case .closed, nil: "the connection is closed"
        }
    }

    var blockedReason: String? {
        if case .blocked(let reason) = client?.state { reason } else { nil }
    }
}
