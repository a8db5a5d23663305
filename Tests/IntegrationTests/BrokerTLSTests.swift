import AMQP
import Foundation
import JobModel
import Queues
import TestSupport
import Testing

@Suite("A broker behind TLS", .serialized)
struct BrokerTLSTests {
    private struct Setting {
        var node: TestNode
        var port: UInt16
        /// The authority that signed the node's certificate, and one that did not.
        var right: TestCertificates
        var wrong: TestCertificates
        var directory: String

        func url(host: String, authorities: String?) -> String {
            "amqps://\(TestNode.user):\(TestNode.password)@\(host):\(port)"
                + (authorities.map { "?cacertfile=\($0)" } ?? "")
        }
    }

    private static func with(_ body: (Setting) async throws -> Void) async throws {
        let directory = try ScratchDirectory.make("tls")
        defer { try? FileManager.default.removeItem(atPath: directory) }
        // An address among its names changes nothing: the library compares host names only.
        let right = try await TestCertificates.make(
            "right",
            in: directory,
            subjects: ["DNS:localhost", "IP:127.0.0.1"]
        )
        let wrong = try await TestCertificates.make("wrong", in: directory, subjects: ["DNS:localhost"])
        let port = try FreePort.find()
        let options = TestNode.Options(configuration: [
            "listeners.ssl.1 = 127.0.0.1:\(port)", "ssl_options.cacertfile = \(right.authority)",
            "ssl_options.certfile = \(right.certificate)", "ssl_options.keyfile = \(right.key)",
            "ssl_options.verify = verify_none", "ssl_options.fail_if_no_peer_cert = false",
        ])
        try await TestNode.with(options) { node in
            try await body(Setting(node: node, port: port, right: right, wrong: wrong, directory: directory))
        }
    }

    private static func failure(_ url: String) async throws -> AMQPError? {
        let configuration = AMQPConfiguration(backoff: BackoffPolicy(maximum: .milliseconds(100)))
        return try await withTestClient(to: AMQPEndpoint(parsing: url), configuration: configuration) { client in
            for await state in client.states {
                switch state {
                case .disconnected(let error): return error
                case .connected: return nil
                default: continue
                }
            }
            return nil
        }
    }

    @Test("is trusted for the right authority and the right name alone, and a file of authorities may be put right")
    func verification() async throws {
        try await Self.with { setting in
            let right = setting.url(host: "localhost", authorities: setting.right.authority)
            #expect(try await Self.failure(right) == nil)
            let cases: [(url: String, advice: String)] = [
                (setting.url(host: "localhost", authorities: nil), "/etc/ssl/certs/ca-certificates.crt"),
                (
                    setting.url(host: "localhost", authorities: setting.wrong.authority),
                    "was signed by an authority in \(setting.wrong.authority)"
                ),
                (
                    setting.url(host: "127.0.0.1", authorities: setting.right.authority),
                    "its certificate is not for '127.0.0.1'"
                ),
                (
                    setting.url(host: "localhost", authorities: setting.directory + "/none.pem"),
                    "cannot read trusted certificates from \(setting.directory)/none.pem"
                ),
            ]
            for (url, advice) in cases {
                let error = try #require(try await Self.failure(url))
                #expect(error.code == .tlsFailed)
                #expect(error.message.contains(advice), "\(error.message)")
            }
            try await tree(setting)
        }
    }

    /// Says once that the authority is unknown, and goes on when the file was replaced.
    private func tree(_ setting: Setting) async throws {
        let authorities = setting.directory + "/authorities.pem"
        try FileManager.default.copyItem(atPath: setting.wrong.authority, toPath: authorities)
        let url = setting.url(host: "localhost", authorities: authorities)
        try await TroubledTree.with(["RABBITMQ_URL": url], broker: setting.node.url, starting: false) { tree in
            try await tree.running {
                let advice = "was signed by an authority in \(authorities)"
                try await TroubledTree.awaitProblem(tree, advice)
                try await TroubledTree.expectOneLine(tree, advice)
                try FileManager.default.removeItem(atPath: authorities)
                try FileManager.default.copyItem(atPath: setting.right.authority, toPath: authorities)
            } whenHealthy: {
                try await tree.submit(.image, id: TroubledTree.job, source: "photo.jpg")
                try await TroubledTree.expectDone(tree)
            }
        }
    }
}
