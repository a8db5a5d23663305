public import AMQP
import Foundation
public import Logging
import Synchronization

/// The RabbitMQ node that tests talk to.
///
/// `TEST_RABBITMQ_URL` names an existing one. Without it, one private node is started per test process, and ends with
/// it however that ends: it reads a pipe whose other end only the test process holds.
public enum TestBroker {
    private static let node = Task { try await PrivateNode.start() }

    /// The node's address. The first call without `TEST_RABBITMQ_URL` takes some seconds.
    public static func url() async throws -> String {
        if let url = ProcessInfo.processInfo.environment["TEST_RABBITMQ_URL"], !url.isEmpty { return url }
        return try await node.value
    }

    public static func endpoint() async throws -> AMQPEndpoint {
        try AMQPEndpoint(parsing: await url())
    }

    /// Drops everything; set `TEST_LOG` to see log lines.
    public static var logger: Logger {
        guard ProcessInfo.processInfo.environment["TEST_LOG"] == nil else { return Logger(label: "test") }
        return Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    }

    /// A name that no other test uses.
    public static func uniqueName(_ purpose: String = "queue") -> String {
        "test.\(purpose).\(UUID().uuidString.lowercased())"
    }
}

/// Runs `body` with a started client, and closes it whether `body` returns or throws.
public func withTestClient<Result>(
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
public func withTestQueue<Result>(
    _ purpose: String = "queue",
    declared: Bool = true,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (String) async throws -> Result
) async throws -> Result {
    let name = TestBroker.uniqueName(purpose)
    // A client of its own: what the test does to its connections must not keep the queue from being deleted.
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

    private struct Running {
        var process: pid_t
        /// The write end of the node's standard input: closing it stops the node.
        var lifeline: Int32
        /// The read end of its standard output: at its end the node is gone.
        var output: Int32
        var directory: String
    }

    private static let running = Mutex<Running?>(nil)

    static func start() async throws -> String {
        let executable = try BuiltExecutable.path("supervisor")
        let directory = try makeDirectory()
        let process = try spawn(executable, directory: directory)
        running.withLock { $0 = process }
        atexit { PrivateNode.stop() }
        let output = process.output
        return try await withCheckedThrowingContinuation { continuation in
            // Reading blocks: not on a thread of the cooperative pool.
            Thread.detachNewThread {
                continuation.resume(with: Result { try readAddress(from: output) })
            }
        }
    }

    private static func readAddress(from output: Int32) throws -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, 90_000) > 0, read(output, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        throw Failure(description: "supervisor private-broker did not report an address; see its messages above")
    }

    /// Runs when the test process exits.
    private static func stop() {
        guard let node = running.withLock({ $0 }) else { return }
        close(node.lifeline)
        var descriptor = pollfd(fd: node.output, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        var isGone = false
        while !isGone, poll(&descriptor, 1, 30_000) > 0 {
            isGone = read(node.output, &byte, 1) <= 0
        }
        if !isGone { kill(node.process, SIGKILL) }
        var status: Int32 = 0
        waitpid(node.process, &status, 0)
        try? FileManager.default.removeItem(atPath: node.directory)
    }

    private static func spawn(_ executable: String, directory: String) throws -> Running {
        let (input, lifeline) = try makePipe()
        let (output, outputOfNode) = try makePipe()
        defer {
            close(input)
            close(outputOfNode)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, outputOfNode, STDOUT_FILENO)
        let arguments = [executable, "private-broker", "--directory", directory]
        var argumentPointers = arguments.map { strdup($0) } + [nil]
        defer {
            for pointer in argumentPointers {
                free(pointer)
            }
        }
        var process = pid_t()
        let status = posix_spawn(&process, executable, &actions, nil, &argumentPointers, environ)
        guard status == 0 else {
            throw Failure(description: "cannot start \(executable): \(String(cString: strerror(status)))")
        }
        return Running(process: process, lifeline: lifeline, output: output, directory: directory)
    }

    private static func makePipe() throws -> (readEnd: Int32, writeEnd: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
        for end in ends {
            // No other child may hold the lifeline. posix_spawn's dup2 clears the flag for the node's own ends.
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    private static func makeDirectory() throws -> String {
        var template = Array("/tmp/media-processor-test-broker-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(description: "no temporary directory: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
