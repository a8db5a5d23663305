/// How a RabbitMQ node and its epmd are started: everything beneath one directory, every listener on loopback.
struct BrokerNode: Sendable {
    static let user = "media"
    static let server = "/usr/lib/rabbitmq/bin/rabbitmq-server"
    static let epmd = "/usr/bin/epmd"

    /// No regular file, and so read by neither the shell nor Erlang.
    private static let nothing = "/dev/null"

    struct Ports: Sendable, Hashable {
        var amqp: UInt16
        /// Between Erlang nodes. Nobody uses it, but a node has one.
        var distribution: UInt16
        var epmd: UInt16

        var all: [UInt16] { [amqp, distribution, epmd] }
    }

    var directory: BrokerDirectory
    var ports: Ports
    var password: String

    /// Without a slash at its end, which some clients take for the virtual host of the empty name.
    var url: String { "amqp://\(Self.user):\(password)@127.0.0.1:\(ports.amqp)" }

    /// RabbitMQ's configuration file. An unknown key in it makes the start fail. A delivery may be held for a day: the
    /// default, half an hour, is less than a long film takes.
    var configuration: String {
        """
        listeners.tcp.1 = 127.0.0.1:\(ports.amqp)
        default_user = \(Self.user)
        default_pass = \(password)
        loopback_users.\(Self.user) = true
        disk_free_limit.absolute = 100MB
        consumer_timeout = 86400000
        log.console = false
        log.file = node.log
        log.file.level = info
        log.file.rotation.size = 10485760
        log.file.rotation.count = 3

        """
    }

    var epmdArguments: [String] { ["-address", "127.0.0.1", "-port", "\(ports.epmd)"] }

    /// Where the node works. Erlang looks for code in the working directory before its own, so it must not be one that
    /// others write to, such as where the supervisor was started.
    var workingDirectory: String { directory.homePath }

    /// The node's whole environment: nothing of ours leaks in, such as `RABBITMQ_` and `ERL_` variables, or where to
    /// look for programs. A start reads our own configuration and nothing else: no script, and nothing of
    /// /etc/rabbitmq, which is for the machine's own node.
    var environment: [String: String] {
        [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            // The cookie is made there.
            "HOME": directory.homePath,
            "LANG": "C.UTF-8",
            // The name of the database directory, so it must stay the same. It is only known to our own epmd.
            "RABBITMQ_NODENAME": "media-processor@localhost",
            "RABBITMQ_CONFIG_FILE": directory.configurationPath,
            // A shell script that both the start script and the node would run; unset it is one in /etc/rabbitmq.
            "RABBITMQ_CONF_ENV_FILE": Self.nothing,
            // Unset these are /etc/rabbitmq/conf.d, /etc/rabbitmq/advanced.config and /etc/rabbitmq/motd.
            "RABBITMQ_CONFIG_FILES": Self.nothing,
            "RABBITMQ_ADVANCED_CONFIG_FILE": Self.nothing,
            "RABBITMQ_MOTD_FILE": Self.nothing,
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory.pluginsPath,
            "RABBITMQ_MNESIA_BASE": directory.databasePath,
            "RABBITMQ_LOG_BASE": directory.logDirectoryPath,
            "RABBITMQ_PID_FILE": directory.path + "/node.pid",
            "RABBITMQ_DIST_PORT": "\(ports.distribution)",
            // Without it the script stays as a parent that waits, and swallows signals.
            "RUNNING_UNDER_SYSTEMD": "true",
            // Two schedulers are plenty for one machine's jobs; idle ones must not spin beside the encoders.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": "\(ports.epmd)",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_CRASH_DUMP": directory.logDirectoryPath + "/erl_crash.dump",
            "ERL_CRASH_DUMP_BYTES": "33554432",
        ]
    }
}
