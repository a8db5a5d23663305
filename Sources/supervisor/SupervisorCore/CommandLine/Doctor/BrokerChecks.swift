internal import AMQP
internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import Logging
internal import Queues
internal import Settings
internal import WorkerProtocol

/// Verdicts on the broker: that of the running tree, else that of `RABBITMQ_URL`, else the one that could be started.
struct BrokerChecks: Sendable {
    var settings: Settings
    var running: RunFile?
    /// The running tree's own report; nil when there is no tree, or it does not answer.
    var tree: InfoReport?
    /// Within which the broker must have taken the login.
    var timeLimit = Duration.seconds(10)

    func findings() async -> [Finding] {
        guard let url = running?.brokerURL ?? settings.brokerURL else { return [Self.privateBroker()] }
        do throws(AMQPError) {
            var findings: [Finding] = []
            var problems: [Finding] = []
            for endpoint in try AMQPEndpoints(parsing: url).all {
                let client = AMQPClient(
                    endpoint: endpoint,
                    connectionName: "supervisor doctor",
                    configuration: AMQPConfiguration(replyTimeout: timeLimit, publishTimeout: .seconds(3)),
                    logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() }
                )
                try client.start()
                if let problem = await connect(client) {
                    problems.append(problem)
                } else if findings.isEmpty {
                    findings = await look(client)
                    if settings.nodeID != nil { findings.append(await streams(endpoint)) }
                }
                await client.close()
            }
            // With one node there workers go on.
            return findings + (findings.isEmpty ? problems : problems.map(\.asWarning))
        } catch {
            return [.failure("broker", error.message, "correct RABBITMQ_URL")]
        }
    }

    /// - Parameter directory: where Debian's package keeps the node's own libraries.
    static func privateBroker(
        programs: [String] = [BrokerNode.server, BrokerNode.epmd],
        libraries directory: String = "/usr/lib/rabbitmq/lib"
    ) -> Finding {
        let missing = programs.filter { access($0, X_OK) != 0 }
        guard missing.isEmpty else {
            return .failure(
                "broker",
                "RABBITMQ_URL is not set, and a private broker cannot be started without "
                    + "\(missing.joined(separator: ", "))",
                "install the package rabbitmq-server, or set RABBITMQ_URL"
            )
        }
        let prefix = "rabbitmq_server-"
        let version = DirectoryEntries.names(directory).first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
        return .ok("broker", "a private RabbitMQ \(version ?? "of unknown version") would be started")
    }

    private func look(_ client: AMQPClient) async -> [Finding] {
        let identity = client.brokerIdentity ?? BrokerIdentity(product: "a broker", version: "that does not tell")
        var findings = [Self.version(identity)]
        // A broker tells of its alarm only those who publish. No queue has this name, so the message is returned.
        do throws(AMQPError) {
            try await client.publish(AMQPMessage(body: [], isPersistent: false), to: "doctor.\(UUID().uuidString)")
        } catch  where error.code == .unroutable || client.state != .connected {
        } catch {
            findings.append(.failure("broker.publish", error.message, "check the user's permissions in the broker"))
        }
        if case .blocked(let reason) = client.state {
            findings.append(
                .failure(
                    "broker.alarm",
                    "it takes no messages: \(reason)",
                    "free memory or disk of the broker's host, see `rabbitmq-diagnostics alarms`"
                )
            )
            // It answers nothing else now.
            return findings
        }
        let isPrivate = tree?.broker.isPrivate ?? (settings.brokerURL == nil)
        let longWork = tree?.configuration["LONG_WORK_SECONDS"].flatMap(Double.init) ?? settings.longWorkSeconds
        findings.append(Self.consumerTimeout(isPrivate: isPrivate, longWorkSeconds: longWork))
        do throws(AMQPError) {
            findings.append(contentsOf: try await queues(client))
            if let queue = settings.eventsQueue {
                let depth = try await client.messageCount(queue: queue)
                findings += EventChecks.findings(settings, queue: queue, messages: depth)
            }
        } catch {
            findings.append(.failure("broker.queues", error.message, "check the user's permissions in the broker"))
        }
        return findings
    }

    /// Whether there are streams, by making one for a moment. It has a connection of its own, which a broker without
    /// streams ends.
    private func streams(_ endpoint: AMQPEndpoint) async -> Finding {
        let client = AMQPClient(
            endpoint: endpoint,
            connectionName: "supervisor doctor",
            configuration: AMQPConfiguration(replyTimeout: timeLimit, publishTimeout: .seconds(3)),
            logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() }
        )
        let name = "\(settings.queuePrefix)doctor.\(UUID().uuidString)"
        do throws(AMQPError) {
            try client.start()
            try await client.declare(AMQPQueue(name, arguments: ["x-queue-type": "stream"]))
            try await client.delete(queue: name)
            await client.close()
            return .ok("broker.streams", "it has them, for the claims of several hosts")
        } catch {
            await client.close()
            return .failure(
                "broker.streams",
                "several hosts (NODE_ID) cannot claim jobs: \(error.message)",
                "use RabbitMQ 3.9 or later, with `rabbitmqctl enable_feature_flag stream_queue`"
            )
        }
    }

    /// nil when connected.
    private func connect(_ client: AMQPClient) async -> Finding? {
        await withTaskGroup(of: Finding?.self) { group in
            group.addTask {
                for await state in client.states {
                    switch state {
                    case .connected, .blocked: return nil
                    case .disconnected(let error): return .failure("broker", error.message, Self.advice(error.code))
                    case .connecting, .closed: continue
                    }
                }
                return .failure("broker", "the connection was closed", "try again")
            }
            group.addTask { [timeLimit] in
                try? await Task.sleep(for: timeLimit)
                return .failure(
                    "broker",
                    "it did not answer within \(timeLimit)",
                    "check the address in RABBITMQ_URL, firewalls, and the broker's load"
                )
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private static func advice(_ code: AMQPError.Code) -> String {
        switch code {
        case .connectionFailed: "start it, or correct host and port in RABBITMQ_URL"
        case .accessRefused, .notAllowed:
            "correct user, password or virtual host in RABBITMQ_URL, or the broker's permissions"
        default: "nothing can be done without it; see the cause"
        }
    }

    static func version(_ broker: BrokerIdentity) -> Finding {
        let text = "\(broker.product) \(broker.version)"
        guard broker.product == "RabbitMQ" else {
            return .warning("broker", text, "only RabbitMQ is tested; confirms and delay queues must work as there")
        }
        let numbers = broker.version.split(separator: ".").prefix(2).compactMap { Int($0) }
        guard numbers.count == 2, (numbers[0], numbers[1]) >= (3, 8) else {
            return .warning("broker", text, "use RabbitMQ 3.8 or later")
        }
        return .ok("broker", text)
    }

    /// A broker tells no client how long a delivery may be held. Jobs may take longer: after `LONG_WORK_SECONDS` their
    /// message is acknowledged, if that comes a minute before.
    static func consumerTimeout(isPrivate: Bool, longWorkSeconds: Double) -> Finding {
        let check = "broker.consumer-timeout"
        let limit = isPrivate ? 86_400 : 1800
        let found =
            isPrivate
            ? "a day: the private broker is configured so"
            : "unknown, as brokers do not tell it; RabbitMQ's default is 30 minutes"
        let text = longWorkSeconds == longWorkSeconds.rounded() ? "\(Int(longWorkSeconds))" : "\(longWorkSeconds)"
        guard longWorkSeconds <= Double(limit - 60) else {
            return .warning(
                check,
                "\(found), and LONG_WORK_SECONDS=\(text) must be a minute less, or the messages of long jobs come "
                    + "again",
                "set LONG_WORK_SECONDS to \(limit - 60) or less"
                    + (isPrivate
                        ? ""
                        : ", or see that the broker's consumer_timeout is a minute more (`rabbitmqctl environment`)")
            )
        }
        return .ok(check, "\(found); LONG_WORK_SECONDS=\(text) fits, however long jobs take")
    }

    private func queues(_ client: AMQPClient) async throws(AMQPError) -> [Finding] {
        var existing = 0
        var different: [Finding] = []
        let layout = settings.queueLayout
        let wanted = MediaKind.allCases.flatMap(layout.lasting)
        for queue in wanted {
            // Declared only when it is there: a look makes no queue.
            guard try await client.messageCount(queue: queue.name) != nil else { continue }
            existing += 1
            let difference: String
            do throws(AMQPError) {
                let differences = try await client.differences(of: queue, otherwise: layout.otherwise(queue))
                if differences.isEmpty { continue }
                difference = differences.map { "\($0): \($0.cost)" }.joined(separator: "; ")
            } catch  where error.code == .preconditionFailed {
                difference = error.message
            }
            different.append(
                .warning(
                    "broker.queue",
                    "\(queue.name) exists with other arguments: \(difference)",
                    "it is used as it is; to have it as QUEUE_TYPE=\(settings.queueType.rawValue) declares it, let it "
                        + "run "
                        + "empty, delete it and restart the workers"
                )
            )
        }
        if !different.isEmpty { return different }
        return [
            .ok(
                "broker.queues",
                "\(existing) of \(wanted.count) exist, as \(settings.queueType.rawValue) queues should be; workers "
                    + "declare "
                    + "the others"
            )
        ]
    }
}
