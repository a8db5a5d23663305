import Foundation
import HTTPClient
import JobModel
import Synchronization
import TestSupport
import Testing

@testable import Storage

@Suite("Credentials of S3 stores", .timeLimit(.minutes(2)))
struct S3CredentialTests {
    private func find(_ variables: [String: String]) async throws -> S3Credentials {
        try await S3CredentialChain(S3Environment(["AWS_EC2_METADATA_DISABLED": "true"].merging(variables) { $1 }))
            .credentials()
    }

    private func refusal(_ variables: [String: String]) async -> StorageError? {
        do { _ = try await find(variables) } catch { return error as? StorageError }
        return nil
    }

    @Test("come from variables before everything else, and half of a pair is an error")
    func variables() async throws {
        let found = try await find([
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
            "AWS_PROFILE": "none",
        ])
        #expect(found == S3Credentials(accessKeyID: "id", secretAccessKey: "secret", sessionToken: "token"))
        let half = await refusal(["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": ""])
        #expect(half?.code == .accessDenied && half?.message.contains("set both") == true)
    }

    @Test("come from a file, by profile; a file or profile that is asked for must be there")
    func file() async throws {
        try await withDirectory { directory in
            let path = directory + "/.aws/credentials"
            try FileManager.default.createDirectory(atPath: directory + "/.aws", withIntermediateDirectories: true)
            try Data(
                """
                # comment
                [default]
                aws_access_key_id=first
                aws_secret_access_key = a=b/c+d \r
                [ other ]
                \tAWS_ACCESS_KEY_ID = second
                aws_secret_access_key = s2
                aws_session_token = t2
                [half]
                aws_access_key_id = x
                """.utf8
            ).write(to: URL(filePath: path))
            let home = ["HOME": directory]
            #expect(try await find(home) == S3Credentials(accessKeyID: "first", secretAccessKey: "a=b/c+d"))
            let other = try await find(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "other"])
            #expect(other == S3Credentials(accessKeyID: "second", secretAccessKey: "s2", sessionToken: "t2"))
            for profile in ["half", "none"] {
                let error = await refusal(home.merging(["AWS_PROFILE": profile]) { $1 })
                #expect(error?.message.contains("no keys for the profile `\(profile)`") == true)
            }
            let absent = await refusal(["AWS_SHARED_CREDENTIALS_FILE": directory + "/none"])
            #expect(absent?.message.contains("cannot be read") == true)
            // Nobody asked for the file of this home, so others are looked for.
            let nothing = await refusal(["HOME": directory + "/none"])
            #expect(nothing?.message.contains("there are no credentials") == true && nothing?.verdict == .permanent)
        }
    }

    /// Answers each request by its method and path, and keeps the heads of all.
    private final class Service: Sendable {
        private final class Kept: Sendable { let requests = Mutex<[String]>([]) }

        private let kept: Kept
        let server: LoopbackServer

        init(_ answers: [String: String]) throws {
            let kept = Kept()
            self.kept = kept
            server = try LoopbackServer { connection in
                let (head, body) = try connection.request()
                kept.requests.withLock { $0.append(head + String(decoding: body, as: UTF8.self)) }
                let answer = answers[head.split(separator: " ").prefix(2).joined(separator: " ")]
                let text = answer ?? "none"
                let status = answer == nil ? 404 : 200
                try connection.write("HTTP/1.1 \(status) X\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            }
        }

        var requests: [String] { kept.requests.withLock { $0 } }
        var url: String { "http://127.0.0.1:\(server.port)" }
    }

    private static let document =
        #"{"AccessKeyId":"cid","SecretAccessKey":"csecret","Token":"ctoken","Expiration":"2026-11-30T12:00:00Z"}"#
    private static let told = S3Credentials(
        accessKeyID: "cid",
        secretAccessKey: "csecret",
        sessionToken: "ctoken",
        expiration: UTCTime(httpDate: Array("Mon, 30 Nov 2026 12:00:00 GMT".utf8))
    )

    @Test("come from the container, with its token, which goes to no strange host in the clear")
    func container() async throws {
        try await withDirectory { directory in
            let service = try Service(["GET /role?x": Self.document])
            defer { service.server.stop() }
            try Data("file-token\n".utf8).write(to: URL(filePath: directory + "/token"))
            let url = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + "/role?x"]
            #expect(
                try await find(url.merging(["AWS_CONTAINER_AUTHORIZATION_TOKEN": "variable-token"]) { $1 }) == Self.told
            )
            let file = ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": directory + "/token"]
            #expect(try await find(url.merging(file) { $1 }) == Self.told)
            #expect(service.requests.map { $0.contains("variable-token") } == [true, false])
            #expect(service.requests.map { $0.contains("file-token") } == [false, true])
            for strange in ["http://example.org/role", "http://127.0.0.1.example.org/", "ftp://127.0.0.1/"] {
                let error = await refusal(["AWS_CONTAINER_CREDENTIALS_FULL_URI": strange])
                #expect(error?.message.contains("neither https: nor of this host") == true)
            }
            let error = await refusal(["AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + "/other"])
            #expect(error?.message.contains("the answer was 404") == true && error?.verdict == .permanent)
        }
    }

    @Test("come from the machine's role, by version 2 of its service")
    func machine() async throws {
        let base = "/latest/meta-data/iam/security-credentials/"
        let service = try Service([
            "PUT /latest/api/token": "session-token", "GET \(base)": "my-role\n", "GET \(base)my-role": Self.document,
        ])
        defer { service.server.stop() }
        let variables = ["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url + "/"]
        #expect(try await find(variables) == Self.told)
        try #require(service.requests.count == 3)
        #expect(service.requests[0].contains("x-aws-ec2-metadata-token-ttl-seconds: "))
        #expect(service.requests.dropFirst().allSatisfy { $0.contains("x-aws-ec2-metadata-token: session-token") })
    }

    @Test("come from a web identity")
    func webIdentity() async throws {
        try await withDirectory { directory in
            let service = try Service([
                "POST /": """
                <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
                <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>cid</AccessKeyId>
                <SecretAccessKey>csecret</SecretAccessKey><SessionToken>ctoken</SessionToken>
                <Expiration>2026-11-30T12:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>
                </AssumeRoleWithWebIdentityResponse>
                """
            ])
            defer { service.server.stop() }
            try Data("web+token".utf8).write(to: URL(filePath: directory + "/token"))
            let found = try await find([
                "AWS_WEB_IDENTITY_TOKEN_FILE": directory + "/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
                "AWS_ENDPOINT_URL_STS": service.url,
            ])
            #expect(found == Self.told)
            #expect(service.requests.first?.contains("WebIdentityToken=web%2Btoken") == true)
        }
    }

    /// Gives credentials when it is told to, and tells when it is asked and when it is no longer.
    private final class Slow: S3CredentialProvider {
        let asked: AsyncStream<Int>
        private let asks: AsyncStream<Int>.Continuation
        let left: AsyncStream<Void>
        private let leaves: AsyncStream<Void>.Continuation
        private let release = Mutex<AsyncStream<Void>.Continuation?>(nil)
        private let count = Mutex(0)

        init() {
            (asked, asks) = AsyncStream.makeStream()
            (left, leaves) = AsyncStream.makeStream()
        }

        func give() { _ = release.withLock { $0?.yield() } }

        func credentials() async throws -> S3Credentials {
            let number = count.withLock { count in
                count += 1
                return count
            }
            let (released, continuation) = AsyncStream.makeStream(of: Void.self)
            release.withLock { $0 = continuation }
            asks.yield(number)
            for await _ in released { return S3Credentials(accessKeyID: "\(number)", secretAccessKey: "s") }
            leaves.yield()
            throw CancellationError()
        }
    }

    @Test("that come slowly are waited for by those alone who are not cancelled, and by nobody when all are")
    func cancelledWaiters() async throws {
        let provider = Slow()
        let cache = S3CredentialCache(provider)
        var asked = provider.asked.makeAsyncIterator()
        let first = Task { try await cache.current() }
        #expect(await asked.next() == 1)
        let second = Task { try await cache.current() }
        let third = Task { try await cache.current() }
        try await eventually("all three wait") { await cache.waiting == 3 }
        third.cancel()
        await #expect(throws: CancellationError.self) { try await third.value }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        var left = provider.left.makeAsyncIterator()
        await left.next()
        // Nobody hears of the one that was left.
        let later = Task { try await cache.current() }
        #expect(await asked.next() == 2)
        let another = Task { try await cache.current() }
        try await eventually("both wait") { await cache.waiting == 2 }
        provider.give()
        #expect(try await later.value.accessKeyID == "2")
        #expect(try await another.value.accessKeyID == "2")
    }

    private final class Counter: S3CredentialProvider {
        let clock = Mutex(UTCTime(secondsSince1970: 1_000_000))
        let asked = Mutex(0)
        let isAway = Mutex(false)
        /// Seconds that credentials are good for; nil without an end.
        let life: Int64?

        init(life: Int64?) { self.life = life }

        func credentials() async throws -> S3Credentials {
            if isAway.withLock({ $0 }) { throw S3CredentialChain.refusal("away", isTransient: true) }
            let number = asked.withLock { asked in
                asked += 1
                return asked
            }
            let now = clock.withLock { $0 }
            return S3Credentials(accessKeyID: "\(number)", secretAccessKey: "s", expiration: life.map { now + $0 })
        }
    }

    @Test("are asked for again before they end, and kept to their end when nobody gives new ones")
    func refresh() async throws {
        let counter = Counter(life: 3600)
        let cache = S3CredentialCache(counter, now: { counter.clock.withLock { $0 } })
        func id(after seconds: Int64) async throws -> String {
            counter.clock.withLock { $0 = $0 + seconds }
            return try await cache.current().accessKeyID
        }
        #expect(try await id(after: 0) == "1")
        #expect(try await id(after: 3299) == "1")
        // 300 s before the end.
        #expect(try await id(after: 1) == "2")
        counter.isAway.withLock { $0 = true }
        #expect(try await id(after: 3599) == "2")
        await #expect(throws: StorageError.self) { try await id(after: 1) }
        counter.isAway.withLock { $0 = false }
        #expect(try await id(after: 0) == "3")
        await cache.forget()
        #expect(try await id(after: 0) == "4")
        let endless = Counter(life: nil)
        let other = S3CredentialCache(endless, now: { endless.clock.withLock { $0 } })
        for (seconds, id) in [(0, "1"), (899, "1"), (1, "2")] as [(Int64, String)] {
            endless.clock.withLock { $0 = $0 + seconds }
            #expect(try await other.current().accessKeyID == id)
        }
    }
}
