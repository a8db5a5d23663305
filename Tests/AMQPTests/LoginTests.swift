import TestSupport
import Testing

@testable import AMQP

@Suite struct LoginTests {
    /// The errors of the first tries.
    private static func failures(
        _ count: Int,
        to endpoint: AMQPEndpoint,
        logger: LogRecorder = LogRecorder()
    ) async throws -> [AMQPError] {
        try await withTestClient(to: endpoint, configuration: .quick, logger: logger.logger) { client in
            var errors: [AMQPError] = []
            for await state in client.states {
                guard case .disconnected(let error) = state else { continue }
                errors.append(error)
                // Equal states in a row are told once; the next tries show in the log.
                if errors.count == 1 {
                    for _ in 0..<count {
                        try #require(await logger.wait(for: "No connection to the broker") != nil)
                    }
                    break
                }
            }
            return errors
        }
    }

    @Test("A wrong password is named with the user, never shown, and tried again")
    func wrongPassword() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.password = "not-the-password"
        let error = try #require(try await Self.failures(2, to: endpoint).first)
        #expect(error.code == .accessRefused)
        #expect(error.replyCode == 403)
        #expect(!error.isRetriable)
        #expect(error.message.contains("'\(endpoint.user)'"))
        #expect(error.message.contains("127.0.0.1:\(endpoint.port)"))
        #expect(!"\(error)".contains("not-the-password"))
    }

    @Test("A virtual host that does not exist is named")
    func wrongVirtualHost() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.virtualHost = "no-such-host"
        let error = try #require(try await Self.failures(1, to: endpoint).first)
        #expect(error.code == .notAllowed)
        #expect(error.replyCode == 530)
        #expect(error.message.contains("'no-such-host'"))
    }

    @Test("A broker that is not there is named with its address, and tried again")
    func unreachable() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.port = 1
        let error = try #require(try await Self.failures(3, to: endpoint).first)
        #expect(error.code == .connectionFailed)
        #expect(error.isRetriable)
        #expect(error.message.contains("127.0.0.1:1/: Connection refused; check that the broker runs"), "\(error)")
    }

    @Test("A host name that does not exist is named")
    func unknownHost() async throws {
        let error = try #require(try await Self.failures(1, to: AMQPEndpoint(host: "no-such-host.invalid")).first)
        #expect(error.code == .connectionFailed)
        #expect(error.message.contains(": no address is known for the name 'no-such-host.invalid'; "), "\(error)")
    }

    @Test("The cause of a failed connection is the system's; one that is taken by now has none")
    func trial() async throws {
        let broker = try await TestBroker.endpoint()
        func cause(_ host: String, _ port: UInt16) -> String? {
            ConnectTrial(host: host, port: port, limit: .seconds(2)).cause()
        }
        #expect(cause(broker.host, broker.port) == nil)
        #expect(cause("127.0.0.1", 1) == "Connection refused")
        #expect(cause("no-such-host.invalid", 1)?.isEmpty == false)
    }

    @Test("TLS with a port that does not speak it fails as TLS")
    func noTLS() async throws {
        var endpoint = try await TestBroker.endpoint()
        endpoint.usesTLS = true
        let error = try #require(try await Self.failures(1, to: endpoint).first)
        #expect(error.code == .tlsFailed)
        #expect(error.isRetriable)
    }
}
