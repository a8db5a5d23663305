import Foundation
import HTTPClient
import JobModel
import Settings
import Synchronization
import TestSupport
import Testing

@testable import Storage

/// Answers that a real store gives seldom, by a server that gives them always.
@Suite("Requests to S3 stores", .timeLimit(.minutes(5)))
struct S3ClientTests {
    private static let ok = ScriptedStore.response(200, ["ETag": "\"e\""])

    @Test("send a key's bytes encoded once, dots and slashes as they are", arguments: SignatureV4Tests.keys)
    func keys(_ key: String) async throws {
        let server = try ScriptedStore { _, _ in Self.ok }
        defer { server.stop() }
        _ = try await server.client().head("bucket", try ObjectKey(key))
        let line = try #require(server.requests.first?.line)
        let path = line.dropFirst("HEAD /bucket/".count)
        #expect(line.hasPrefix("HEAD /bucket/"))
        // Decoded once, it is the key again.
        #expect(path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        #expect(ByteText(path.removingPercentEncoding ?? "") == ByteText(key))
        #expect(!path.contains("%2F"))
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        var status: Int
        var code: String
        var headers: [String: String] = [:]
        var more = ""
        var expected: StorageError.Code
        var verdict: StorageError.Verdict
        var words: String
        var retryAfter: Duration?
        /// With those that are tried again at once.
        var requests = 1

        var testDescription: String { "\(status) \(code)" }
    }

    @Test(
        "that are refused tell the cause, the verdict and the remedy, and nothing that is secret",
        arguments: [
            Answer(
                status: 403,
                code: "AccessDenied",
                expected: .accessDenied,
                verdict: .permanent,
                words: "arn:aws:s3:::bucket/"
            ),
            Answer(
                status: 403,
                code: "InvalidAccessKeyId",
                expected: .accessDenied,
                verdict: .permanent,
                words: "AWS_ACCESS_KEY_ID"
            ),
            Answer(
                status: 403,
                code: "SignatureDoesNotMatch",
                expected: .accessDenied,
                verdict: .permanent,
                words: "AWS_SECRET_ACCESS_KEY"
            ),
            Answer(
                status: 404,
                code: "NoSuchBucket",
                expected: .noSuchBucket,
                verdict: .permanent,
                words: "create the bucket"
            ),
            Answer(
                status: 503,
                code: "SlowDown",
                headers: ["Retry-After": "17"],
                expected: .storeUnavailable,
                verdict: .transient,
                words: "Words of SlowDown",
                retryAfter: .seconds(17)
            ),
            Answer(
                status: 503,
                code: "SlowDown",
                headers: ["Retry-After": "0"],
                expected: .storeUnavailable,
                verdict: .transient,
                words: "SlowDown",
                retryAfter: .zero,
                requests: 3
            ),
            Answer(
                status: 429,
                code: "TooManyRequests",
                headers: ["Date": "Mon, 30 Nov 2026 12:00:00 GMT", "Retry-After": "Mon, 30 Nov 2026 12:01:40 GMT"],
                expected: .storeUnavailable,
                verdict: .transient,
                words: "429",
                retryAfter: .seconds(100)
            ),
            Answer(
                status: 500,
                code: "InternalError",
                headers: ["Retry-After": "99999999999999999999"],
                expected: .storeUnavailable,
                verdict: .transient,
                words: "InternalError",
                requests: 3
            ),
            Answer(
                status: 301,
                code: "PermanentRedirect",
                headers: ["x-amz-bucket-region": "eu-west-3"],
                expected: .wrongRegion,
                verdict: .permanent,
                words: "set region=eu-west-3 in STORAGE_URL"
            ),
            Answer(
                status: 301,
                code: "PermanentRedirect",
                expected: .wrongRegion,
                verdict: .permanent,
                words: "correct region= or endpoint= in STORAGE_URL"
            ),
            Answer(
                status: 400,
                code: "AuthorizationHeaderMalformed",
                more: "<Region>ap-south-1</Region>",
                expected: .wrongRegion,
                verdict: .permanent,
                words: "set region=ap-south-1 in STORAGE_URL"
            ),
            Answer(
                status: 307,
                code: "TemporaryRedirect",
                headers: ["Location": "http://127.0.0.1:1/"],
                expected: .wrongRegion,
                verdict: .transient,
                words: "in STORAGE_URL",
                requests: 3
            ),
            Answer(
                status: 400,
                code: "EntityTooLarge",
                expected: .ioFailure,
                verdict: .permanent,
                words: "EntityTooLarge"
            ),
        ]
    )
    func refusals(_ answer: Answer) async throws {
        let server = try ScriptedStore { _, _ in
            ScriptedStore.failure(answer.status, answer.code, answer.headers, more: answer.more)
        }
        defer { server.stop() }
        let store = try server.store()
        let error = try #require(
            await storageError {
                try await store.failing("put", try ObjectKey("k")) {
                    _ = try await store.client.createUpload("bucket", try ObjectKey("k"), .init(), hasChecksums: false)
                }
            }
        )
        #expect(error.code == answer.expected && error.verdict == answer.verdict)
        #expect(error.retryAfter == answer.retryAfter)
        #expect(error.message.contains(answer.words), "\(error.message)")
        #expect(error.message.contains("request R1") && !error.message.contains("hidden"))
        #expect(server.requests.count == answer.requests)
    }

    @Test("that claim success with an error document have failed")
    func errorWithSuccess() async throws {
        let server = try ScriptedStore { number, _ in
            number == 0 ? ScriptedStore.failure(200, "InternalError") : ScriptedStore.failure(200, "InvalidPart")
        }
        defer { server.stop() }
        let error = await #expect(throws: S3Failure.self) {
            try await server.client().completeUpload("u", "bucket", try ObjectKey("k"), [], hasChecksums: false)
        }
        // The first is one that may go better a moment later.
        #expect(error?.code == "InvalidPart" && server.requests.count == 2)
    }

    @Test("that a page or half a document answers have failed, and may go better later")
    func malformed() async throws {
        for body in [
            "<html><body>proxy</body></html>", "<InitiateMultipartUploadResult><UploadId>x", "", "<!DOCTYPE x>",
        ] {
            let server = try ScriptedStore { _, _ in ScriptedStore.response(200, [:], body) }
            defer { server.stop() }
            let failure = await #expect(throws: S3Failure.self) {
                try await server.client().createUpload("bucket", try ObjectKey("k"), .init(), hasChecksums: false)
            }
            #expect(failure?.isTransient == true)
        }
    }

    @Test("learn the store's time when it minds ours, and go out once more", arguments: [true, false])
    func clock(hasDocument: Bool) async throws {
        let date = "Mon, 30 Nov 2026 12:00:00 GMT"
        let server = try ScriptedStore { _, request in
            if request.header("x-amz-date") == "20261130T120000Z" { return ScriptedStore.response(200, ["Date": date]) }
            return hasDocument
                ? ScriptedStore.failure(403, "RequestTimeTooSkewed", ["Date": date])
                : ScriptedStore.response(403, ["Date": date])
        }
        defer { server.stop() }
        let ours = try #require(UTCTime(httpDate: Array("Mon, 30 Nov 2026 09:00:00 GMT".utf8)))
        let client = server.client(now: { ours })
        for expected in [2, 3] {
            _ = try await client.send(S3Request(hasDocument ? .get : .head, "x", bucket: "bucket"))
            #expect(server.requests.count == expected)
        }
        #expect(client.clockDifference == 10_800)
    }

    @Test("are not repeated for ever when the clock is not the matter")
    func clockInVain() async throws {
        let server = try ScriptedStore { _, _ in
            ScriptedStore.failure(403, "RequestTimeTooSkewed", ["Date": "Mon, 30 Nov 2026 12:00:00 GMT"])
        }
        defer { server.stop() }
        let store = try server.store()
        let error = await storageError { _ = try await store.facts(try ObjectKey("k")) }
        #expect(error?.code == .clockSkew && error?.verdict == .transient)
        #expect(server.requests.count <= 4)
    }

    private actor Renewed: S3CredentialSource {
        private var number = 1
        func current() -> S3Credentials {
            S3Credentials(accessKeyID: "K\(number)", secretAccessKey: "s", sessionToken: "t\(number)")
        }
        func forget() { number += 1 }
    }

    @Test("go out once more with new credentials when a session has ended")
    func renewal() async throws {
        let server = try ScriptedStore { _, request in
            request.header("x-amz-security-token") == "t2" ? Self.ok : ScriptedStore.failure(400, "ExpiredToken")
        }
        defer { server.stop() }
        _ = try await server.client(credentials: Renewed()).send(S3Request(.get, "x", bucket: "b"))
        try #require(server.requests.count == 2)
        #expect(server.requests[1].header("authorization")?.contains("Credential=K2/") == true)
        #expect(server.requests[1].header("authorization")?.contains("x-amz-security-token") == true)
    }

    @Test("end at once when their task is cancelled, whatever the store does")
    func cancellation() async throws {
        let (arrived, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedStore { _, _ in
            arrival.yield()
            return nil
        }
        defer { server.stop() }
        let client = server.client()
        let task = Task {
            do {
                _ = try await client.head("bucket", try ObjectKey("k"))
                return false
            } catch { return error is CancellationError }
        }
        for await _ in arrived { break }
        let start = ContinuousClock.now
        task.cancel()
        #expect(await task.value)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("of listings follow all pages, and read keys that are encoded")
    func pages() async throws {
        @Sendable func upload(_ key: String, _ id: String) -> String {
            "<Upload><Key>\(key)</Key><UploadId>\(id)</UploadId></Upload>"
        }
        let server = try ScriptedStore { number, _ in
            let more = number == 0
            let body =
                "<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>\(more)</IsTruncated>"
                + (more ? "<NextKeyMarker>a%2Bb</NextKeyMarker><NextUploadIdMarker>m</NextUploadIdMarker>" : "")
                + upload(number == 0 ? "a%2Bb+c" : "e%CC%81", "\(number)") + "</ListMultipartUploadsResult>"
            return ScriptedStore.response(200, [:], body)
        }
        defer { server.stop() }
        let uploads = try await server.client().listUploads("bucket", prefix: "p/")
        #expect(uploads.map(\.key) == ["a+b c", "e\u{301}"] && uploads.map(\.id) == ["0", "1"])
        try #require(server.requests.count == 2)
        #expect(server.requests[1].line.contains("key-marker=a%2Bb&prefix=p%2F&upload-id-marker=m&uploads="))
    }

    @Test("that fall silent in the middle of a body end by their idle limit, and are the job's to repeat")
    func silence() async throws {
        let server = try ScriptedStore { _, _ in nil }
        defer { server.stop() }
        var request = S3Request(.get, "x", bucket: "bucket")
        request.timeouts.idle = .milliseconds(200)
        let failure = await #expect(throws: S3Failure.self) { try await server.client().send(request) }
        #expect(failure?.web?.code == .timedOut && failure?.isTransient == true)
        #expect(server.requests.count == 1)
    }

    @Test("do without checksums at a store that refuses them, and ask it for none again", arguments: [400, 501])
    func checksums(status: Int) async throws {
        let server = try ScriptedStore { _, request in
            if request.header("x-amz-checksum-sha256") != nil {
                return ScriptedStore.failure(status, status == 400 ? "InvalidArgument" : "NotImplemented")
            }
            return ScriptedStore.response(200, request.line.hasPrefix("HEAD") ? [:] : ["ETag": "\"e\""], "")
                .replacingOccurrences(
                    of: "Content-Length: 0",
                    with: request.line.hasPrefix("HEAD") ? "Content-Length: 4" : "Content-Length: 0"
                )
        }
        defer { server.stop() }
        try await withDirectory { directory in
            try Data("text".utf8).write(to: URL(filePath: directory + "/f"))
            let store = try server.store()
            for lines in [3, 5] {
                _ = try await store.put(NewObject(path: directory + "/f", key: try ObjectKey("k"))) { _ in }
                #expect(server.requests.count == lines)
            }
            #expect(server.requests.map { $0.line.prefix(4) } == ["PUT ", "PUT ", "HEAD", "PUT ", "HEAD"])
            let digest = "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
            #expect(server.requests.first?.header("x-amz-content-sha256") == digest)
        }
    }

    @Test("are read back: an object of another size or checksum, or none, is no success")
    func readBack() async throws {
        for (headers, status) in [
            (["Content-Length": "3"], 200), (["Content-Length": "4", "x-amz-checksum-sha256": "AAAA"], 200), ([:], 404),
        ] as [([String: String], Int)] {
            let server = try ScriptedStore { _, request in
                if request.line.hasPrefix("PUT") { return Self.ok }
                if request.line.hasPrefix("GET") { return ScriptedStore.failure(404, "NoSuchKey") }
                return "HTTP/1.1 \(status) X\r\n" + headers.map { "\($0.key): \($0.value)\r\n" }.joined() + "\r\n"
            }
            defer { server.stop() }
            try await withDirectory { directory in
                try Data("text".utf8).write(to: URL(filePath: directory + "/f"))
                let store = try server.store()
                let error = await storageError {
                    _ = try await store.put(NewObject(path: directory + "/f", key: try ObjectKey("k"))) { _ in }
                }
                #expect(error?.code == .incomplete && error?.verdict == .transient, "\(headers)")
            }
        }
    }
}
