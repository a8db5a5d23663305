import Foundation
import JobModel
import Settings
import Synchronization
import TestSupport

@testable import Storage

/// A store on loopback that answers each request as a test says.
final class ScriptedStore: Sendable {
    struct Request: Sendable {
        var head: String
        var body: [UInt8]

        /// `GET /bucket/key?query`
        var line: String { head.split(separator: " ").prefix(2).joined(separator: " ") }

        func header(_ name: String) -> String? {
            head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
    }

    private final class Kept: Sendable { let requests = Mutex<[Request]>([]) }

    private let kept = Kept()
    private let server: LoopbackServer
    var requests: [Request] { kept.requests.withLock { $0 } }
    var port: Int { server.port }

    /// - Parameter answer: to a request, by its number from 0 on: the whole response; nil for silence until the client
    ///   has enough.
    init(_ answer: @escaping @Sendable (Int, Request) -> String?) throws {
        let kept = kept
        server = try LoopbackServer { connection in
            let (head, body) = try connection.request()
            let request = Request(head: head, body: body)
            let number = kept.requests.withLock { requests in
                requests.append(request)
                return requests.count - 1
            }
            guard let text = answer(number, request) else { return try connection.waitForEnd() }
            try connection.write(text)
        }
    }

    func stop() { server.stop() }

    static func response(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") -> String {
        let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)"
    }

    static func failure(
        _ status: Int,
        _ code: String,
        _ headers: [String: String] = [:],
        more: String = ""
    ) -> String {
        response(
            status,
            headers,
            "<?xml version=\"1.0\"?>\n<Error><Code>\(code)</Code><Message>Words of \(code)</Message>"
                + "<AWSAccessKeyId>hidden</AWSAccessKeyId><RequestId>R1</RequestId>\(more)</Error>"
        )
    }

    func client(
        style: S3Endpoint.Style = .path,
        hosts: HostWatch = HostWatch(),
        now: @escaping @Sendable () -> UTCTime = { .now },
        credentials: any S3CredentialSource = S3FixedCredentials(
            credentials: S3Credentials(accessKeyID: "AKID", secretAccessKey: "hidden-secret")
        )
    ) -> S3Client {
        S3Client(
            S3Endpoint(scheme: "http", host: "127.0.0.1:\(port)", region: "us-east-1", style: style),
            credentials: credentials,
            hosts: hosts,
            now: now
        )
    }

    func store(_ client: S3Client? = nil, _ settings: S3Settings = S3Settings()) throws -> S3Store {
        let client = client ?? self.client()
        return S3Store(
            try S3Location("s3://bucket/pre?endpoint=http://127.0.0.1:\(port)", S3Environment([:])),
            client,
            settings
        )
    }
}

/// The error that `body` throws as a store's.
func storageError(_ body: () async throws -> Void) async -> StorageError? {
    do { try await body() } catch { return error as? StorageError }
    return nil
}
