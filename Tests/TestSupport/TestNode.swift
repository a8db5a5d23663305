package import AMQP
import Foundation
import Logging
import Synchronization

/// A RabbitMQ node of a test's own, for treatment that a node with other users cannot have: other limits, alarms, TLS,
/// deaths, clusters.
///
/// It keeps its port and its messages over a death. It never outlives the test process.
package final class TestNode: Sendable {
    package struct Options: Sendable {
        /// Lines for `rabbitmq.conf`.
        package var configuration: [String] = []
        /// Terms for `advanced.config` that `rabbitmq.conf` cannot express: `{rabbit, [{channel_tick_interval, 500}]}`.
        package var advanced: [String] = []

        package init(configuration: [String] = [], advanced: [String] = []) {
            self.configuration = configuration
            self.advanced = advanced
        }
    }

    package static let user = "test"
    package static let password = "test-password"

    package let port: UInt16
    private let name: String
    private let directory: String
    private let environment: [String: String]
    private let running = Mutex<(shell: PipedProcess, processID: pid_t)?>(nil)

    package var url: String { "amqp://\(Self.user):\(Self.password)@127.0.0.1:\(port)" }

    package var endpoint: AMQPEndpoint {
        AMQPEndpoint(port: port, user: Self.user, password: Self.password)
    }

    /// Runs `body` beside a node that is up, and ends the node however `body` ends.
    package static func with(_ options: Options = Options(), _ body: (TestNode) async throws -> Void) async throws {
        try await cluster(1, options) { nodes in try await body(nodes[0]) }
    }

    /// Runs `body` beside the nodes of a cluster that are all up, and ends them however `body` ends.
    package static func cluster(
        _ count: Int,
        _ options: Options = Options(),
        _ body: ([TestNode]) async throws -> Void
    ) async throws {
        let directory = try ScratchDirectory.make("test-node")
        let (mapper, mapperPort) = try await startMapper(in: directory)
        var nodes: [TestNode] = []
        defer {
            for node in nodes { node.end() }
            mapper.end(withinMilliseconds: 5_000)
            try? FileManager.default.removeItem(atPath: directory)
        }
        for index in 0..<count {
            nodes.append(try TestNode(index, in: directory, mapperPort: mapperPort, options))
        }
        for node in nodes { try await node.start() }
        for node in nodes.dropFirst() {
            try await node.control("stop_app")
            try await node.control("join_cluster", nodes[0].name)
            try await node.control("start_app")
        }
        try await body(nodes)
    }

    /// Starts epmd and waits until it takes connections: a node that finds none starts one of its own, which is no
    /// child of ours, or gives up.
    private static func startMapper(in directory: String) async throws -> (process: PipedProcess, port: UInt16) {
        for _ in 1...5 {
            let port = try FreePort.find()
            let mapper = try start(
                "/usr/bin/epmd",
                ["-address", "127.0.0.1", "-port", "\(port)"],
                environment: ["PATH": path, "HOME": directory],
                output: directory + "/epmd.log"
            )
            do {
                try await eventually("epmd takes connections", within: .seconds(20)) { FreePort.isTaken(port) }
                return (mapper, port)
            } catch {
                // A child that was forked in the moment in which the port was tried may have kept it.
                mapper.end(withinMilliseconds: 5_000)
            }
        }
        let said = try? String(contentsOfFile: directory + "/epmd.log", encoding: .utf8)
        throw TestTree.Failure(description: "epmd takes no connections: \(said ?? "")")
    }

    private init(_ index: Int, in parent: String, mapperPort: UInt16, _ options: Options) throws {
        name = "node\(index)@localhost"
        directory = parent + "/node\(index)"
        port = try FreePort.find()
        let distributionPort = try FreePort.find()
        // One cookie for all: it lies in the home directory.
        environment = [
            "PATH": Self.path, "HOME": parent, "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_CONFIG_FILE": directory + "/rabbitmq.conf",
            "RABBITMQ_CONF_ENV_FILE": directory + "/rabbitmq-env.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": directory + "/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory + "/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": directory + "/mnesia",
            "RABBITMQ_LOG_BASE": directory + "/log",
            "RABBITMQ_PID_FILE": directory + "/node.pid",
            "RABBITMQ_DIST_PORT": "\(distributionPort)",
            // Without it the script stays as a parent of the node.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": "\(mapperPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP_BYTES": "0",
        ]
        for folder in ["", "/mnesia", "/log"] {
            try FileManager.default.createDirectory(atPath: directory + folder, withIntermediateDirectories: true)
        }
        let configuration =
            [
                "listeners.tcp.1 = 127.0.0.1:\(port)", "default_user = \(Self.user)",
                "default_pass = \(Self.password)", "disk_free_limit.absolute = 10MB", "log.file = node.log",
            ] + options.configuration
        try write("rabbitmq.conf", configuration.joined(separator: "\n") + "\n")
        try write("advanced.config", "[\(options.advanced.joined(separator: ", "))].\n")
        try write("enabled_plugins", "[].\n")
    }

    /// Starts the node and waits until it takes connections.
    package func start() async throws {
        let shell = try Self.start(
            "/usr/lib/rabbitmq/bin/rabbitmq-server",
            [],
            environment: environment,
            output: directory + "/log/output.log"
        )
        guard let id = await shell.line(withinMilliseconds: 10_000).flatMap({ pid_t($0) }) else {
            throw TestTree.Failure(description: "the shell did not start the node")
        }
        running.withLock { $0 = (shell, id) }
        try await waitUntilUsable()
    }

    package func waitUntilUsable() async throws {
        let configuration = AMQPConfiguration(
            backoff: BackoffPolicy(initial: .milliseconds(50), maximum: .milliseconds(200))
        )
        try await withTestClient(to: endpoint, name: "test-node", configuration: configuration) { client in
            let patience = Task {
                try await Task.sleep(for: .seconds(120))
                await client.close()
            }
            defer { patience.cancel() }
            do {
                try await client.waitUntilConnected()
            } catch {
                // A node that cannot even begin to log has said why on its output.
                let output = try? String(contentsOfFile: directory + "/log/output.log", encoding: .utf8)
                let said = (output ?? "").suffix(4000) + "\n" + log.suffix(4000)
                throw TestTree.Failure(description: "\(name) is not usable: \(error)\n\(said)")
            }
        }
    }

    /// SIGKILL, and the end of the node.
    package func kill() {
        guard let node = running.withLock({ $0 }) else { return }
        _ = Glibc.kill(node.processID, SIGKILL)
        end()
    }

    /// Sends a signal, such as SIGSTOP.
    package func send(_ signal: Int32) {
        guard let node = running.withLock({ $0 }) else { return }
        _ = Glibc.kill(node.processID, signal)
    }

    private func end() {
        let node = running.withLock { running in
            defer { running = nil }
            return running
        }
        node?.shell.end(withinMilliseconds: 10_000)
    }

    /// Runs `rabbitmqctl` on this node and returns its output.
    @discardableResult
    package func control(_ arguments: String...) async throws -> String {
        try await ChildProcess.run(
            "/usr/lib/rabbitmq/bin/rabbitmqctl",
            ["--node", name, "--quiet"] + arguments,
            environment: environment
        )
    }

    package var log: String { (try? String(contentsOfFile: directory + "/log/node.log", encoding: .utf8)) ?? "" }

    private func write(_ file: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: directory + "/" + file))
    }

    private static var path: String { ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin" }

    /// A program that is killed when the test process is gone. The first line of output is its process id.
    private static func start(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        output: String
    ) throws -> PipedProcess {
        let script = """
            output=$1; shift
            "$@" </dev/null >>"$output" 2>&1 &
            echo $!
            read -r line
            kill -KILL $!
            """
        return try PipedProcess(
            "/bin/sh",
            ["-c", script, "sh", output, program] + arguments,
            environment: environment
        )
    }
}

extension TestNode {
    @TaskLocal static var suiteNode: TestNode?

    /// The node of a suite with the trait `ownNode`.
    package static var current: TestNode {
        get throws {
            guard let suiteNode else { throw TestTree.Failure(description: "the suite has no node of its own") }
            return suiteNode
        }
    }
}

package enum FreePort {
    /// Ports below those that Linux gives to connections, of which the tests make thousands: one of them would take a
    /// port between its being found and its server's listening.
    private static let range: ClosedRange<UInt16> = 12_000...31_999
    private static let last = Mutex(UInt16.random(in: range))

    /// A TCP port of 127.0.0.1 that was free a moment ago, and that this process has not given to anybody else lately.
    package static func find() throws -> UInt16 {
        for _ in range {
            let port = last.withLock { last in
                last = last < range.upperBound ? last + 1 : range.lowerBound
                return last
            }
            if isFree(port) { return port }
        }
        throw ChildProcess.Failure(description: "there is no free port")
    }

    /// Whether a server takes connections there.
    package static func isTaken(_ port: UInt16) -> Bool { ask(port, connect) }

    private static func isFree(_ port: UInt16) -> Bool { ask(port, bind) }

    private static func ask(
        _ port: UInt16,
        _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
