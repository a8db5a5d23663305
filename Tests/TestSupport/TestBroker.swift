package import AMQP
import Foundation
package import Logging
import Synchronization

/// The RabbitMQ node that tests talk to.
///
/// `TEST_RABBITMQ_URL` names an existing one. Without it, one private node is started per test process, and ends with
/// it however that ends: it reads a pipe whose other end only the test process holds.
package enum TestBroker {
    private static let node = Task { try await PrivateNode.start() }

    /// The node's address. The first call without `TEST_RABBITMQ_URL` takes some seconds.
    package static func url() async throws -> String {
        if let url = ProcessInfo.processInfo.environment["TEST_RABBITMQ_URL"], !url.isEmpty { return url }
        return try await node.value
    }

    package static func endpoint() async throws -> AMQPEndpoint {
        try AMQPEndpoint(parsing: await url())
    }

    /// Drops everything; set `TEST_LOG` to see log lines.
    package static var logger: Logger {
        guard ProcessInfo.processInfo.environment["TEST_LOG"] == nil else { return Logger(label: "test") }
        return Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    }

    /// A name that no other test uses.
    package static func uniqueName(_ purpose: String = "queue") -> String {
        "test.\(purpose).\(UUID().uuidString.lowercased())"
    }
}

/// Runs `body` with a started client, and closes it whether `body` returns or throws.
package func withTestClient<Result>(
    to endpoint: AMQPEndpoint? = nil,
    name: String = "test",
    configuration: AMQPConfiguration = AMQPConfiguration(),
    logger: Logger = TestBroker.logger,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (AMQPClient) async throws -> Result
) async throws -> Result {
    let client = AMQPClient(
        endpoint: try await endpoint.orElse { try await TestBroker.endpoint() },
        connectionName: name,
        configuration: configuration,
        logger: logger
    )
    try client.start()
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

/// Runs `body` with the name of a durable queue of its own, declared unless `declared` is false, and deletes the queue
/// whether `body` returns or throws.
package func withTestQueue<Result>(
    _ purpose: String = "queue",
    declared: Bool = true,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let name = TestBroker.uniqueName(purpose)
    // A client of its own: harm to the test's connections must not keep the queue from being deleted.
    return try await withTestClient(name: "test-queue") { client in
        if declared { try await client.declare(AMQPQueue(name)) }
        do {
            let result = try await body(name)
            try await client.delete(queue: name)
            return result
        } catch {
            _ = try? await client.delete(queue: name)
            throw error
        }
    }
}

extension Optional {
    fileprivate func orElse(_ make: () async throws -> Wrapped) async throws -> Wrapped {
        if let self { return self }
        return try await make()
    }
}

/// `supervisor private-broker`, started and ended.
private enum PrivateNode {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let running = Mutex<(process: PipedProcess, directory: String)?>(nil)

    static func start() async throws -> String {
        let executable = try BuiltExecutable.path("supervisor")
        let directory = try ScratchDirectory.make("test-broker")
        let process = try PipedProcess(
            executable,
            ["private-broker", "--directory", directory],
            environment: ProcessInfo.processInfo.environment
        )
        running.withLock { $0 = (process, directory) }
        atexit { PrivateNode.stop() }
        guard let url = await process.line(withinMilliseconds: 90_000) else {
            throw Failure(description: "supervisor private-broker did not report an address; see its messages above")
        }
        return url
    }

    /// Runs when the test process exits.
    private static func stop() {
        guard let node = running.withLock({ $0 }) else { return }
        node.process.end(withinMilliseconds: 30_000)
        try? FileManager.default.removeItem(atPath: node.directory)
    }
}
