import Foundation
import JobModel
import Settings
import Synchronization
import TestSupport
import Testing

@testable import HTTPClient
@testable import Storage

/// Answers that no store gives, or none that means well.
@Suite("Stores that answer wrongly", .timeLimit(.minutes(5)))
struct S3HostileStoreTests {
    private static let file = "text"

    /// The error of a put, after the store has answered 200 to it, HEAD as told and GET of the first byte as told.
    private func put(head: String, get: String) async throws -> (error: StorageError?, requests: [String]) {
        let server = try ScriptedStore { _, request in
            switch request.line.prefix(3) {
            case "PUT": ScriptedStore.response(200, ["ETag": "\"e\""])
            case "HEA": "HTTP/1.1 \(head)\r\nETag: \"e\"\r\nConnection: close\r\n\r\n"
            default: get
            }
        }
        defer { server.stop() }
        return try await withDirectory { directory in
            try Data(Self.file.utf8).write(to: URL(filePath: directory + "/f"))
            let object = NewObject(path: directory + "/f", key: try ObjectKey("k"))
            let error = await storageError { _ = try await server.store().put(object) { _ in } }
            return (error, server.requests.map(\.line))
        }
    }

    @Test("do not make an object count whose size they do not tell")
    func unknownSize() async throws {
        func ranged(_ value: String, status: Int = 206) -> String {
            ScriptedStore.response(status, ["Content-Range": value], "t")
        }
        for get in [
            ScriptedStore.failure(404, "NoSuchKey"), ranged("bytes 0-0/*"), ranged("bytes 0-0/3"),
            ranged("bytes 1-1/4"),
            ranged("bytes 0-0/99999999999999999999"), ranged("bytes 0-0/4", status: 200),
            ScriptedStore.response(206, [:], "t"), ScriptedStore.failure(416, "InvalidRange"),
            "HTTP/1.1 200 X\r\nConnection: close\r\n\r\ntext",
        ] {
            let (error, requests) = try await put(head: "200 X", get: get)
            let isSeen = error?.code == .incomplete && error?.verdict == .transient
            #expect(isSeen, "\(get): \(error?.message ?? "no error")")
            #expect(requests.map { $0.prefix(4) } == ["PUT ", "HEAD", "GET "])
        }
        for get in [ranged("bytes 0-0/4"), ScriptedStore.response(200, [:], "text")] {
            let (error, _) = try await put(head: "200 X", get: get)
            #expect(error == nil, "\(get): \(error?.message ?? "")")
        }
        // The rest of them tell it at once.
        let (error, requests) = try await put(head: "200 X\r\nContent-Length: 4", get: "")
        #expect(error == nil && requests.count == 2)
    }

    @Test("are judged by their status, however large the page of their error is")
    func largeErrors() async throws {
        let page = String(repeating: "x", count: 9 << 20)
        let server = try ScriptedStore { _, _ in ScriptedStore.response(503, ["Retry-After": "17"], page) }
        defer { server.stop() }
        let error = await storageError { _ = try await server.store().facts(try ObjectKey("k")) }
        #expect(error?.code == .storeUnavailable && error?.verdict == .transient && error?.retryAfter == .seconds(17))
        // To HEAD and to GET, which is asked for the reason.
        #expect(server.requests.count == 2)
    }

    @Test("are not read without end when they refuse")
    func endlessErrors() async throws {
        let sent = Mutex(0)
        let server = try LoopbackServer { connection in
            _ = try connection.request()
            try connection.write("HTTP/1.1 503 X\r\nConnection: close\r\n\r\n")
            let piece = String(repeating: "x", count: 1 << 16)
            while true {
                try connection.write(piece)
                sent.withLock { $0 += piece.utf8.count }
            }
        }
        defer { server.stop() }
        let client = S3Client(
            S3Endpoint(scheme: "http", host: "127.0.0.1:\(server.port)", region: "us-east-1", style: .path),
            credentials: S3FixedCredentials(credentials: S3Credentials(accessKeyID: "AKID", secretAccessKey: "s"))
        )
        var request = S3Request(.put, "x", bucket: "bucket", timeouts: S3Request.transferTimeouts)
        request.maximumBodyBytes = .max
        let failure = await #expect(throws: S3Failure.self) { try await client.send(request) }
        #expect(failure?.status == 503 && failure?.isTransient == true && failure?.web == nil)
        // With three tries, and what the sockets hold.
        #expect(sent.withLock { $0 } < 64 << 20)
        let slow = S3ResponseFilter(S3CollectingSink(), maximumErrorBytes: 100, maximumErrorTime: .zero)
        try slow.begin(WebResponse(status: 503, headers: WebHeaders(), contentLength: nil))
        #expect(throws: (any Error).self) { try slow.receive([UInt8(1)].span.bytes) }
        #expect(slow.refusal?.status == 503 && slow.errorBytes == [1])
    }

    @Test("that tell what they were sent do not make the keys known", arguments: [200, 403])
    func echo(status: Int) async throws {
        let server = try ScriptedStore { _, request in
            let echo = request.header("authorization") ?? "none"
            let token = request.header("x-amz-security-token") ?? "none"
            let padding = String(repeating: ".", count: 250)
            return ScriptedStore.response(
                status,
                ["x-amz-request-id": "id of AKIAEXAMPLE and \(token)"],
                "<Error><Code>Odd</Code><Message>\(padding) \(echo) \(token) AKIAEXAMPLES</Message>"
                    + "<RequestId>\(echo)</RequestId></Error>"
            )
        }
        defer { server.stop() }
        let credentials = S3Credentials(
            accessKeyID: "AKIAEXAMPLE",
            secretAccessKey: "hidden-secret",
            sessionToken: "to/ken+=="
        )
        let client = server.client(credentials: S3FixedCredentials(credentials: credentials))
        let error = await storageError {
            let store = try server.store(client)
            try await store.failing("put", nil) {
                try await client.completeUpload("u", "bucket", try ObjectKey("k"), [], hasChecksums: false)
            }
        }
        let message = try #require(error?.message)
        #expect(!message.contains("AKIAEXAMPLE") && !message.contains("to/ken"), "\(message)")
        #expect(message.contains("[hidden]"))
        // A part of another word is none.
        #expect(
            credentials.hidden(in: Array("AKIAEXAMPLES xAKIAEXAMPLE".utf8)) == Array("AKIAEXAMPLES xAKIAEXAMPLE".utf8)
        )
    }

    @Test(
        "are not given keys that they could take for another place",
        arguments: ["..", ".", "a/../b", "./a", "a/.", "/../b", "a//../b"]
    )
    func dots(_ text: String) async throws {
        let server = try ScriptedStore { _, _ in ScriptedStore.response(200, ["ETag": "\"e\""]) }
        defer { server.stop() }
        let key = try ObjectKey(text)
        let store = try server.store()
        try await withDirectory { directory in
            try Data([1]).write(to: URL(filePath: directory + "/f"))
            let errors = [
                await storageError { _ = try await store.put(NewObject(path: directory + "/f", key: key)) { _ in } },
                await storageError { _ = try await store.source(key).probe() },
                await storageError { _ = try await store.delete(key) },
                await storageError { try store.check(key) },
                await storageError {
                    let settings = try Settings.from([
                        "STORAGE_URL": "s3://bucket?endpoint=http://127.0.0.1:\(server.port)"
                    ])
                    try await S3Source(url: "s3://bucket/\(text)", settings.storage).checkAllowed()
                },
            ]
            #expect(errors.allSatisfy { $0?.code == .invalidKey && $0?.verdict == .permanent })
        }
        #expect(throws: StorageError.self) { try S3Location("s3://bucket/\(text)/x", S3Environment([:])) }
        #expect(server.requests.isEmpty)
        for allowed in ["a..b", "...", "a/%2e%2e/b", ".a"] { try store.check(try ObjectKey(allowed)) }
    }
}
