import Digests
import Foundation
import HTTPClient
import JobModel
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@Suite("Uploads to signed URLs", .timeLimit(.minutes(5)))
struct SignedUploadTests {
    private static let secret = "hunter2hunter2"
    private static let bytes = Array("the bytes of an output".utf8)

    private static func settings(_ more: [String: String] = [:]) throws -> WebSourceSettings {
        let common = ["ALLOW_HTTP": "1", "SOURCE_ALLOWED_NETWORKS": "127.0.0.0/8", "SOURCE_IDLE_SECONDS": "5"]
        return try Settings.from(common.merging(more) { $1 }).webSources
    }

    private static func upload(_ url: String, _ more: [String: String] = [:]) throws -> SignedUpload {
        // A host that was away in another test is none here.
        SignedUpload(url, name: "720p", try settings(more), client: WebClient(), hosts: HostWatch())
    }

    private static func withFile<R>(_ body: (String) async throws -> R) async throws -> R {
        let path = NSTemporaryDirectory() + "signed-upload-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    /// Puts the file to a server that gives this answer.
    private static func put(
        _ answer: String,
        query: String = "?X-Amz-Signature=\(secret)",
        contentType: String? = "video/mp4"
    ) async throws -> (result: Result<PublishedObject, any Error>, request: (head: String, body: [UInt8])?, count: Int)
    {
        let requests = Mutex<[(head: String, body: [UInt8])]>([])
        let server = try LoopbackServer { connection in
            let request = try connection.request()
            requests.withLock { $0.append(request) }
            try connection.write(answer)
        }
        defer { server.stop() }
        return try await withFile { path in
            let upload = try Self.upload("http://127.0.0.1:\(server.port)/bucket/key\(query)")
            do {
                let object = try await upload.put(.file(path), contentType: contentType) { _ in }
                return (.success(object), requests.withLock(\.first), server.connections)
            } catch {
                return (.failure(error), requests.withLock(\.first), server.connections)
            }
        }
    }

    private static func answer(_ status: String, _ headers: String = "", _ body: String = "") -> String {
        "HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    @Test("send the file with its length and type, and tell the place without the signature")
    func sent() async throws {
        let md5 = Hexadecimal.text(try #require(digest()))
        for headers in [
            "", "ETag: \"\(md5)\"\r\n", "ETag: \"\(md5)-1\"\r\n", "ETag: \"0x8D\"\r\n", "ETag: W/\"x\"\r\n",
        ] {
            let found = try await Self.put(Self.answer("200 OK", headers))
            let object = try found.result.get()
            #expect(object.sizeBytes == Int64(Self.bytes.count))
            #expect(object.location.hasSuffix("/bucket/key") && !object.location.contains(Self.secret))
            let request = try #require(found.request)
            #expect(request.body == Self.bytes)
            #expect(request.head.hasPrefix("PUT /bucket/key?X-Amz-Signature=\(Self.secret) HTTP/1.1\r\n"))
            let head = request.head.lowercased()
            #expect(
                head.contains("content-length: \(Self.bytes.count)\r\n") && head.contains("content-type: video/mp4")
            )
            #expect(!head.contains("transfer-encoding") && !head.contains("authorization"))
        }
    }

    @Test(
        "end when a server takes the bytes, or answers, more slowly than the least rate allows for so many",
        arguments: [true, false]
    )
    func trickling(isAnswer: Bool) async throws {
        // More than sockets hold. Something comes or goes all the time.
        let size = 24 << 20
        let steps = 150
        let done = Mutex(0)
        let server = try LoopbackServer { connection in
            if isAnswer { _ = try connection.request() }
            for _ in 1...steps {
                if isAnswer {
                    try connection.write(done.withLock { $0 == 0 } ? "HTTP/1.1 200 OK\r\nX-Slow: " : "x")
                } else if try connection.read(upTo: 32_768).isEmpty {
                    return
                }
                done.withLock { $0 += 1 }
                usleep(100_000)
            }
            if !isAnswer { _ = try connection.request() }
            try connection.write((isAnswer ? "\r\n" : "HTTP/1.1 200 OK\r\n") + "Content-Length: 0\r\n\r\n")
        }
        defer { server.stop() }
        let path = NSTemporaryDirectory() + "signed-upload-\(UUID().uuidString)"
        try Data(count: size).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let upload = try Self.upload(
            "http://127.0.0.1:\(server.port)/k?sig=\(Self.secret)",
            [
                "SOURCE_MIN_BYTES_PER_SECOND": "\(size)", "SOURCE_CONNECT_SECONDS": "1", "SOURCE_IDLE_SECONDS": "1",
                "SOURCE_FIRST_BYTE_SECONDS": "1",
            ]
        )
        let error = await #expect(throws: StorageError.self) {
            try await upload.put(.file(path), contentType: nil) { _ in }
        }
        #expect(error?.code == .uploadUnavailable && error?.isRetriable == true)
        #expect(done.withLock { (2..<steps).contains($0) })
    }

    private func digest() -> [UInt8]? {
        var md5 = MD5()
        md5?.update(Self.bytes.span.bytes)
        return md5.take()?.finish()
    }

    @Test("leave the type out of what version 2 of Amazon's way has signed for none")
    func withoutType() async throws {
        let query = "?AWSAccessKeyId=k&Signature=s&Expires=99999999999"
        let found = try await Self.put(Self.answer("200 OK"), query: query)
        _ = try found.result.get()
        #expect(found.request?.head.lowercased().contains("content-type") == false)
    }

    @Test("have the header without which Azure takes no blob, and no other store gets it")
    func azure() async throws {
        for (query, isSent) in [("?sv=2022-11-02&sr=b&sp=cw&SIG=s", true), ("?sig=s", false), ("", false)] {
            let found = try await Self.put(Self.answer("201 Created"), query: query)
            _ = try found.result.get()
            let head = try #require(found.request?.head.lowercased())
            #expect(head.contains("x-ms-blob-type: blockblob\r\n") == isSent && head.contains("content-type"))
        }
    }

    struct Refusal: Sendable {
        var answer: String
        var code: StorageError.Code
        var verdict = StorageError.Verdict.permanent
        var retryAfter: Duration?
        var isHostAway = false
    }

    @Test(
        "fail by the answer",
        arguments: [
            Refusal(answer: answer("403 Forbidden"), code: .uploadRefused),
            Refusal(answer: answer("400 Bad Request"), code: .uploadRefused),
            Refusal(answer: answer("404 Not Found"), code: .uploadRefused),
            Refusal(answer: answer("411 Length Required"), code: .uploadRefused),
            Refusal(
                answer: answer(
                    "403 Forbidden",
                    "",
                    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
                ),
                code: .uploadExpired
            ), Refusal(answer: answer("400 Bad", "", "<Error><Code>ExpiredToken</Code></Error>"), code: .uploadExpired),
            Refusal(
                answer: answer("307 Temporary Redirect", "Location: http://127.0.0.1:1/x\r\n"),
                code: .uploadRefused
            ),
            Refusal(answer: answer("500 Internal Server Error"), code: .uploadUnavailable, verdict: .transient),
            Refusal(
                answer: answer("503 Slow Down", "Retry-After: 7\r\n"),
                code: .uploadUnavailable,
                verdict: .transient,
                retryAfter: .seconds(7),
                isHostAway: true
            ),
            Refusal(
                answer: answer("429 Too Many Requests", "Retry-After: 2\r\n"),
                code: .uploadUnavailable,
                verdict: .transient,
                retryAfter: .seconds(2),
                isHostAway: true
            ),
            Refusal(
                answer: answer("200 OK", "", "<?xml version=\"1.0\"?><Error><Code>InternalError</Code></Error>"),
                code: .uploadUnavailable,
                verdict: .transient
            ),
            Refusal(
                answer: answer("200 OK", "ETag: \"00000000000000000000000000000000\"\r\n"),
                code: .incomplete,
                verdict: .transient
            ), Refusal(answer: "", code: .uploadUnavailable, verdict: .transient),
            Refusal(answer: "no HTTP\r\n\r\n", code: .uploadUnavailable, verdict: .transient),
        ]
    )
    func refused(_ row: Refusal) async throws {
        let found = try await Self.put(row.answer)
        let error = #expect(throws: StorageError.self) { try found.result.get() }
        #expect(error?.code == row.code && error?.verdict == row.verdict, "\(error.map { "\($0)" } ?? "")")
        #expect(error?.retryAfter == row.retryAfter && error?.isHostAway == row.isHostAway)
        #expect(error?.message.contains(Self.secret) == false && error?.message.contains("720p") == true)
        #expect(found.count == 1, "a redirect is not followed")
    }

    @Test("An ETag is taken for no MD5 where the store encrypts by a key")
    func encrypted() async throws {
        let tag = "ETag: \"00000000000000000000000000000000\"\r\n"
        for header in [
            "x-amz-server-side-encryption: aws:kms\r\n", "x-amz-server-side-encryption-customer-algorithm: AES256\r\n",
        ] {
            _ = try await Self.put(Self.answer("200 OK", tag + header)).result.get()
        }
    }

    @Test(
        "are refused by their URL, and nobody is asked",
        arguments: [
            ("https://127.0.0.1/a", [:], "upload_url_not_allowed"),
            ("https://169.254.169.254/latest", ["SOURCE_ALLOWED_NETWORKS": "10.0.0.0/8"], "upload_url_not_allowed"),
            ("http://h.example/a", ["ALLOW_HTTP": "0"], "upload_url_not_allowed"),
            ("https://me:hunter2hunter2@h.example/a", [:], "upload_url_not_allowed"),
            ("file:///srv/a", [:], "upload_url_not_allowed"), ("https://h.example/a b", [:], "upload_url_not_allowed"),
            ("https://h.example\\@127.0.0.1/a", [:], "upload_url_not_allowed"),
            ("https://2130706433/a", [:], "upload_url_not_allowed"), ("", [:], "upload_url_not_allowed"),
            ("https://h.example/a", ["SOURCE_DENIED_HOSTS": "h.example"], "upload_url_not_allowed"),
            (
                "https://h.example/a?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60&X-Amz-Signature=hunter2hunter2", [:],
                "upload_url_expired"
            ), ("https://h.example/a?AWSAccessKeyId=k&Expires=1500000000&Signature=s", [:], "upload_url_expired"),
        ] as [(String, [String: String], String)]
    )
    func notAllowed(_ url: String, _ more: [String: String], _ code: String) throws {
        let none = ["SOURCE_ALLOWED_NETWORKS": ""].merging(more) { $1 }
        let error = #expect(throws: StorageError.self) { try Self.upload(url, none).checkAllowed() }
        #expect(error?.code.rawValue == code && error?.verdict == .permanent, "\(error?.message ?? "")")
        #expect(error?.message.contains(Self.secret) == false)
        #expect(error?.message.contains("the source") == false, "\(error?.message ?? "")")
    }

    @Test("No connection is made to an address inside, whatever a name leads to")
    func guarded() async throws {
        let server = try LoopbackServer { connection in try connection.write(Self.answer("200 OK")) }
        defer { server.stop() }
        let client = WebClient(resolver: { _ in ["127.0.0.1"] })
        let upload = SignedUpload(
            "http://media.example:\(server.port)/a",
            name: "720p",
            try Self.settings(["SOURCE_ALLOWED_NETWORKS": ""]),
            client: client,
            hosts: HostWatch()
        )
        try await Self.withFile { path in
            let error = await #expect(throws: StorageError.self) {
                _ = try await upload.put(.file(path), contentType: nil) { _ in }
            }
            #expect(error?.code == .uploadNotAllowed && error?.verdict == .permanent)
        }
        #expect(server.connections == 0)
    }

    @Test("Whoever listens to the bytes can end it, and a host that is away is left alone for a while")
    func ended() async throws {
        struct Enough: Error {}
        try await Self.withFile { path in
            let upload = try Self.upload("http://127.0.0.1:1024/a")
            await #expect(throws: Enough.self) {
                _ = try await upload.put(.file(path), contentType: nil) { _ in throw Enough() }
            }
            let server = try LoopbackServer { connection in
                _ = try connection.request()
                try connection.write(Self.answer("503 Slow Down", "Retry-After: 60\r\n"))
            }
            defer { server.stop() }
            let busy = try Self.upload("http://127.0.0.1:\(server.port)/a")
            for _ in 0..<3 {
                let error = await #expect(throws: StorageError.self) {
                    _ = try await busy.put(.file(path), contentType: nil) { _ in }
                }
                #expect(error?.isHostAway == true && error?.verdict == .transient)
            }
            #expect(server.connections == 1)
        }
    }

    @Test("A URL that boto3 has signed takes the file, byte for byte, and one that has expired does not")
    func boto3() async throws {
        let store = try await TestObjectStore.shared()
        let key = TestObjectStore.uniquePrefix("signed") + "/a b+c.mp4"
        func sign(_ version: String, _ seconds: Int) async throws -> String {
            let program = """
                from botocore.config import Config as C
                c = boto3.client("s3", endpoint_url="\(store.endpoint)",
                    config=C(signature_version=arguments[1], s3={"addressing_style": "path"}))
                print(c.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": arguments[0]},
                    ExpiresIn=int(arguments[2])))
                """
            return try await store.python(program, key, version, "\(seconds)").trimmingCharacters(in: .newlines)
        }
        try await Self.withFile { path in
            for version in ["s3v4", "s3"] {
                let url = try await sign(version, 600)
                // To put it again is harmless.
                for _ in 0..<2 {
                    let object = try await Self.upload(url).put(.file(path), contentType: "video/mp4") { _ in }
                    #expect(!object.location.contains("Signature"))
                }
                #expect(try await store.object(key) == Self.bytes, "\(version)")
                _ = try await store.s5cmd("rm", "--raw", "s3://\(TestObjectStore.bucket)/\(key)")
            }
            let expired = try await sign("s3v4", 600).replacing(/X-Amz-Date=\d{8}/, with: "X-Amz-Date=20200101")
            let error = await #expect(throws: StorageError.self) {
                _ = try await Self.upload(expired).put(.file(path), contentType: nil) { _ in }
            }
            #expect(error?.code == .uploadExpired)
            let forged = try await sign("s3v4", 600).replacing("X-Amz-Signature=", with: "X-Amz-Signature=0")
            let refused = await #expect(throws: StorageError.self) {
                _ = try await Self.upload(forged).put(.file(path), contentType: nil) { _ in }
            }
            #expect(refused?.code == .uploadRefused && refused?.verdict == .permanent)
            #expect(try await store.object(key) == nil)
        }
    }
}
