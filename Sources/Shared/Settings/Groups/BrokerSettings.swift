internal import JobModel

/// The broker, its queues and the messages in them.
package struct BrokerSettings: SettingsGroup {
    package static let section = "Broker"
    static let urlName = "RABBITMQ_URL"

    /// nil: the supervisor runs a private broker and tells its workers the URL.
    package let brokerURL: String?
    /// The longest wait between two tries to connect.
    package let reconnectMaximumSeconds: Double
    package let queuePrefix: String
    package let queueType: QueueType
    /// The limit of quorum queues.
    package let queueDeliveryLimit: Int64
    /// 0: queues without priorities.
    package let queueMaximumPriority: Int64
    /// nil: no other host shares the broker.
    package let nodeID: String?
    package let maximumUpdates: Int64
    /// After which a watch ticket stands in for the message of a job.
    package let longWorkSeconds: Double
    package let progressIntervalSeconds: Double

    /// Whose files a ticket's are: the `node` of tickets.
    package var nodeName: String { nodeID ?? HostName.current }

    package init(_ read: SettingsReader) {
        brokerURL = read(
            SettingKey(
                Self.urlName,
                .optional(.url),
                default: nil,
                documented: "unset: a private broker is started",
                isSecret: true,
                "`amqp://user:password@host:port/vhost`, or `amqps:` for TLS; of a cluster several, `,` between, which "
                    + "are tried in turn. `?cacertfile=/path` names the certificates in PEM that TLS trusts instead of "
                    + "the system's, `?heartbeat=10` the seconds between two signs of life. Certificates are always "
                    + "verified."
            )
        )
        reconnectMaximumSeconds = read(
            SettingKey(
                "RECONNECT_MAX_SECONDS",
                .number(0.1...3600),
                unit: "seconds",
                default: 30,
                "While the broker is away, tries to connect come at growing intervals up to this."
            )
        )
        queuePrefix = read(
            SettingKey(
                "QUEUE_PREFIX",
                .text(range: "up to 64 characters") {
                    $0.utf8.count <= 64 ? nil : "it is longer than 64 characters"
                },
                default: "",
                documented: "empty",
                "Put before the name of every queue."
            )
        )
        queueType = read(
            SettingKey(
                "QUEUE_TYPE",
                .word,
                default: .classic,
                "`classic`: queues as existing clients declare them. `quorum`: queues that most nodes of a cluster "
                    + "keep; clients have to declare theirs as [broker.md](broker.md) says."
            )
        )
        queueDeliveryLimit = read(
            SettingKey(
                "QUEUE_DELIVERY_LIMIT",
                .integer(4...1_000_000),
                unit: "deliveries",
                default: 20,
                "How often a quorum queue delivers a message again before the job is failed with the reason "
                    + "`delivery_limit`."
            )
        )
        queueMaximumPriority = read(
            SettingKey(
                "QUEUE_MAX_PRIORITY",
                .integer(0...9, zero: "no priorities"),
                default: 0,
                "Work queues are declared with `x-max-priority`, and jobs of a higher `priority` overtake. Clients "
                    + "that declare the download queue must do the same. Queues that exist without it are used as they "
                    + "are, without priorities. Only with classic queues."
            )
        )
        if queueType == .quorum, queueMaximumPriority > 0 {
            read.refuse("QUEUE_MAX_PRIORITY", "quorum queues have no priorities; leave it out, or QUEUE_TYPE")
        }
        nodeID = read(
            SettingKey(
                "NODE_ID",
                // A part of queues' names, whose parts dots separate.
                .optional(
                    .text(range: "1 to 64 of `a`–`z`, `A`–`Z`, `0`–`9`, `-`, `_`") {
                        NodeName.isValid($0) ? nil : "it may have 1 to 64 letters from a to z, digits, `-` and `_`"
                    }
                ),
                default: nil,
                documented: "none",
                "This host's name among several that share a broker. They share the download queues; all that follows "
                    + "a download has queues of the host's own. No two hosts may have the same, and a host keeps its "
                    + "own for ever."
            )
        )
        maximumUpdates = read(
            SettingKey(
                "UPDATES_MAX_LENGTH",
                .integer(0...(1 << 31), zero: "no limit"),
                unit: "messages",
                default: 100_000,
                isReloadable: true,
                "An updates queue that nobody reads is kept below it: the oldest progress updates are dropped, and "
                    + "while it is full new ones are left out. Terminal updates are always sent and never dropped."
            )
        )
        longWorkSeconds = read(
            SettingKey(
                "LONG_WORK_SECONDS",
                .number(1...86_400),
                unit: "seconds",
                default: 1200,
                "After so long the message of a job that is worked on is acknowledged, and a watch ticket stands in "
                    + "for it. Must be at least a minute less than the broker's `consumer_timeout`, which is 1800 "
                    + "unless somebody changed it."
            )
        )
        progressIntervalSeconds = read(
            SettingKey(
                "PROGRESS_INTERVAL_SECONDS",
                .number(0.1...3600),
                unit: "seconds",
                default: 5,
                isReloadable: true,
                "Shortest time between two progress updates of a job that asks for no interval of its own."
            )
        )
    }
}
