/// Timings and limits of one client.
package struct AMQPConfiguration: Sendable, Hashable {
    /// The longest body that any RabbitMQ carries: its `max_message_size` is 128 MiB by default, and 512 MiB at most.
    package static let brokerBodyBytes = 512 << 20

    /// Interval in which either side shows that it lives; whole seconds, 0 turns heartbeats off. Default 10 s.
    package var heartbeat: Duration
    /// Time for TCP and TLS. Default 5 s. The look-up of a host name is not part of it.
    package var connectTimeout: Duration
    /// Time for the broker to answer a request, after which the connection counts as dead. Default 30 s.
    package var replyTimeout: Duration
    /// Time for a publish, from the call to the broker's confirm, waiting for a connection included. Default 30 s. A
    /// long body gets a second more for each MiB.
    package var publishTimeout: Duration
    /// Longest body sent or handed out. Default 16 MiB. A longer received body is dropped and the delivery marked.
    package var maximumBodyBytes: Int
    /// Waits between tries to connect, and between tries to subscribe.
    package var backoff: BackoffPolicy
    /// Certificates trusted for `amqps`, in PEM.
    package var certificateAuthoritiesPath: String

    package init(
        heartbeat: Duration = .seconds(10),
        connectTimeout: Duration = .seconds(5),
        replyTimeout: Duration = .seconds(30),
        publishTimeout: Duration = .seconds(30),
        maximumBodyBytes: Int = 16 << 20,
        backoff: BackoffPolicy = BackoffPolicy(),
        certificateAuthoritiesPath: String = "/etc/ssl/certs/ca-certificates.crt"
    ) {
        self.heartbeat = heartbeat
        self.connectTimeout = connectTimeout
        self.replyTimeout = replyTimeout
        self.publishTimeout = publishTimeout
        self.maximumBodyBytes = maximumBodyBytes
        self.backoff = backoff
        self.certificateAuthoritiesPath = certificateAuthoritiesPath
    }
}

extension AMQPConfiguration {
    func publishDeadline(bodyBytes: Int) -> ContinuousClock.Instant {
        .now + publishTimeout + .seconds(bodyBytes >> 20)
    }
}
