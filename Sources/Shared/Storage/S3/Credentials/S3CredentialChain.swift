internal import Files
internal import FoundationEssentials
internal import HTTPClient
internal import JobModel
internal import Synchronization
internal import Threads

/// Finds credentials where Amazon's own tools look for them, in their order: variables, a web identity, a file, the
/// container, the machine. The first place that has some is asked; a place that has some and cannot give them ends the
/// search, so that nobody works with the rights of another.
struct S3CredentialChain: S3CredentialProvider {
    private let environment: S3Environment
    private let web = WebClient()

    /// The longest document that tells credentials.
    private static let maximumBytes: Int64 = 1 << 16
    private static let timeouts = WebTimeouts(connect: .seconds(2), idle: .seconds(5), total: .seconds(10))

    init(_ environment: S3Environment) { self.environment = environment }

    func credentials() async throws -> S3Credentials {
        if let found = try fromVariables() { return found }
        if let found = try await fromWebIdentity() { return found }
        if let found = try await fromFile() { return found }
        if let found = try await fromContainer() { return found }
        if let found = try await fromMachine() { return found }
        throw Self.refusal(
            "there are no credentials for the S3 store: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                + "AWS_PROFILE for a part of ~/.aws/credentials, or give this machine or container a role"
        )
    }

    static func refusal(_ message: String, isTransient: Bool = false, away: HostAway? = nil) -> StorageError {
        StorageError(code: .accessDenied, message: message, verdict: isTransient ? .transient : .permanent, away: away)
    }

    // MARK: - Variables and files

    private func fromVariables() throws -> S3Credentials? {
        let (id, secret) = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        if id == nil, secret == nil { return nil }
        guard let id, let secret else {
            throw Self.refusal("set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither")
        }
        return S3Credentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: environment["AWS_SESSION_TOKEN"]
        )
    }

    private func fromFile() async throws -> S3Credentials? {
        let named = environment["AWS_SHARED_CREDENTIALS_FILE"]
        guard let path = named ?? environment["HOME"].map({ $0 + "/.aws/credentials" }) else { return nil }
        let profile = environment["AWS_PROFILE"]
        guard let text = await Self.content(path) else {
            // A file or profile that somebody has asked for must be there.
            if named == nil, profile == nil { return nil }
            throw Self.refusal(
                "\(path.shown) cannot be read, which AWS_SHARED_CREDENTIALS_FILE or AWS_PROFILE asks for"
            )
        }
        let file = S3CredentialsFile(text)
        if let found = file.credentials(of: profile ?? "default") { return found }
        if let profile {
            throw Self.refusal("\(path.shown) has no keys for the profile `\(profile.clipped(toBytes: 100).shown)`")
        }
        return nil
    }

    /// - Returns: nil when the file cannot be read.
    private static func content(_ path: String) async -> [UInt8]? {
        await OwnThread.run {
            guard let file = FileManager.default.contents(atPath: path) else { return nil }
            return Array(file.prefix(Int(maximumBytes)))
        }
    }

    // MARK: - By HTTP

    private func fromWebIdentity() async throws -> S3Credentials? {
        guard let path = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] else {
            return nil
        }
        guard let token = await Self.content(path).flatMap(Self.line) else {
            throw Self.refusal("\(path.shown) cannot be read, which AWS_WEB_IDENTITY_TOKEN_FILE names")
        }
        let host = environment.region.map { "sts.\($0).amazonaws.com" } ?? "sts.amazonaws.com"
        let query: S3Query = [
            "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": role,
            "RoleSessionName": environment["AWS_ROLE_SESSION_NAME"] ?? "media-processor", "WebIdentityToken": token,
        ]
        let endpoint = environment["AWS_ENDPOINT_URL_STS"] ?? "https://\(host)"
        let answer = try await ask(
            .post,
            endpoint + "/",
            ["content-type": "application/x-www-form-urlencoded"],
            body: Array(query.text.utf8)
        )
        let found = (try? XMLDocument.root(of: answer))?["AssumeRoleWithWebIdentityResult"]?["Credentials"]
        guard let id = found?["AccessKeyId"]?.string, let secret = found?["SecretAccessKey"]?.string else {
            throw Self.refusal("\(endpoint) gave no credentials for AWS_ROLE_ARN", isTransient: true)
        }
        return S3Credentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: found?["SessionToken"]?.string,
            expiration: Self.time(found?["Expiration"]?.string)
        )
    }

    private func fromContainer() async throws -> S3Credentials? {
        let url: String
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            url = "http://169.254.170.2" + relative
        } else if let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
            guard Self.mayHaveToken(full) else {
                throw Self.refusal(
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https: nor of this host: the token would be sent in "
                        + "the clear"
                )
            }
            url = full
        } else {
            return nil
        }
        var headers: WebHeaders = ["accept": "application/json"]
        if let path = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            guard let token = await Self.content(path).flatMap(Self.line) else {
                throw Self.refusal("\(path.shown) cannot be read, which AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names")
            }
            headers.add("authorization", token)
        } else if let token = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
            headers.add("authorization", token)
        }
        return try Self.credentials(try await ask(.get, url, headers), of: "the container's credentials")
    }

    /// Hosts that Amazon's own tools send the token to without TLS.
    private static func mayHaveToken(_ url: String) -> Bool {
        guard SourceURL.scheme(url) == "http" else { return SourceURL.scheme(url) == "https" }
        let authority = String(decoding: url.utf8.dropFirst("http://".utf8.count).prefix { $0 != 0x2F }, as: UTF8.self)
        let hosts = ["127.0.0.1", "localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
        return hosts.contains { authority == $0 || authority.utf8.starts(with: "\($0):".utf8) }
    }

    /// The role of a machine, by version 2 of Amazon's instance metadata service.
    private func fromMachine() async throws -> S3Credentials? {
        if environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() == "true" { return nil }
        let service = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254"
        let base = String(decoding: service.utf8.reversed().drop { $0 == 0x2F }.reversed(), as: UTF8.self)
        let token: [UInt8]
        do {
            token = try await ask(.put, base + "/latest/api/token", ["x-aws-ec2-metadata-token-ttl-seconds": "300"])
        } catch is StorageError {
            // No machine of Amazon's.
            return nil
        }
        guard let token = Self.line(token) else { return nil }
        let headers: WebHeaders = ["x-aws-ec2-metadata-token": token]
        let roles = base + "/latest/meta-data/iam/security-credentials/"
        guard let role = Self.line(try await ask(.get, roles, headers)) else {
            throw Self.refusal("this machine has no role (instance profile); give it one, or set AWS_ACCESS_KEY_ID")
        }
        return try Self.credentials(try await ask(.get, roles + role, headers), of: "the machine's role")
    }

    private func ask(
        _ method: WebRequest.Method,
        _ url: String,
        _ headers: WebHeaders,
        body: [UInt8]? = nil
    ) async throws -> [UInt8] {
        let request = WebRequest(
            method,
            Array(url.utf8),
            headers: headers,
            body: body.map { .bytes($0) },
            timeouts: Self.timeouts,
            limits: WebResponseLimits(bodyBytes: Self.maximumBytes)
        )
        let sink = Answer()
        let response: WebResponse
        do throws(WebError) {
            response = try await web.send(request, into: sink)
        } catch {
            if error.code == .cancelled { throw CancellationError() }
            throw Self.refusal(
                "credentials cannot be asked for: \(error.message)",
                isTransient: error.isRetriable,
                away: HostAway.Cause(error).map { HostAway($0) }
            )
        }
        guard response.status == 200 else {
            throw Self.refusal(
                "credentials were asked for and the answer was \(response.status)",
                isTransient: response.status == 429 || response.status >= 500
            )
        }
        return sink.bytes
    }

    private static func credentials(_ document: [UInt8], of whom: String) throws -> S3Credentials {
        let fields = try? JSONValue(parsing: document).objectValue
        guard let id = fields?["AccessKeyId"]?.stringValue, let secret = fields?["SecretAccessKey"]?.stringValue else {
            throw refusal("the answer for \(whom) has no keys", isTransient: true)
        }
        return S3Credentials(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: fields?["Token"]?.stringValue,
            expiration: time(fields?["Expiration"]?.stringValue)
        )
    }

    private static func time(_ text: String?) -> UTCTime? {
        text.flatMap { Timestamp.date($0) }.map { UTCTime(secondsSince1970: Int64($0.timeIntervalSince1970)) }
    }

    /// The first line of a text.
    private static func line(_ bytes: [UInt8]) -> String? {
        let line = bytes.drop { $0 <= 0x20 }.prefix { $0 > 0x20 }
        return line.isEmpty ? nil : String(validating: line, as: UTF8.self)
    }

    private final class Answer: WebResponseSink {
        private let collected = Mutex<[UInt8]>([])
        var bytes: [UInt8] { collected.withLock { $0 } }

        func begin(_ response: WebResponse) {}
        func receive(_ bytes: RawSpan) {
            collected.withLock { all in bytes.withUnsafeBytes { all.append(contentsOf: $0) } }
        }
    }
}
