import JobModel
import Settings
import Testing

@testable import Storage

@Suite("URLs of S3 stores")
struct S3LocationTests {
    private static let nowhere = S3Environment([:])

    @Test(
        "name bucket, prefix, endpoint, region and style",
        arguments: [
            ("s3://bucket", "", "https://s3.us-east-1.amazonaws.com", "bucket.s3.us-east-1.amazonaws.com", "/k"),
            (
                "s3://bucket/pre/fix/?region=eu-west-1", "pre/fix/", "https://s3.eu-west-1.amazonaws.com",
                "bucket.s3.eu-west-1.amazonaws.com", "/k"
            ),
            // Amazon's certificate covers no name with a dot.
            (
                "s3://my.bucket/a", "a/", "https://s3.us-east-1.amazonaws.com", "s3.us-east-1.amazonaws.com",
                "/my.bucket/k"
            ),
            (
                "S3://b/a%20b/c?endpoint=http://127.0.0.1:9000", "a%20b/c/", "http://127.0.0.1:9000", "127.0.0.1:9000",
                "/b/k"
            ),
            (
                "s3://b/?endpoint=https%3A%2F%2FHost.example%3A443%2F&style=virtual&region=auto", "",
                "https://host.example", "b.host.example", "/k"
            ),
            (
                "s3://b?endpoint=http://h:80/storage/v1/s3", "", "http://h/storage/v1/s3", "h", "/storage/v1/s3/b/k"
            ),
            (
                "s3://b?region=cn-north-1&style=path", "", "https://s3.cn-north-1.amazonaws.com.cn",
                "s3.cn-north-1.amazonaws.com.cn", "/b/k"
            ),
        ]
    )
    func parts(url: String, prefix: String, endpoint: String, host: String, path: String) throws {
        let location = try S3Location(url, Self.nowhere)
        #expect(location.prefix == prefix)
        #expect(location.endpoint.description == endpoint)
        #expect(location.endpoint.host(of: location.bucket) == host)
        #expect(location.endpoint.path(of: location.bucket, key: try ObjectKey("k")) == path)
    }

    @Test("take their region from the environment when they name none")
    func region() throws {
        let environment = S3Environment(["AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "x"])
        #expect(try S3Location("s3://bucket", environment).endpoint.region == "eu-north-1")
        #expect(try S3Location("s3://bucket?region=a", environment).endpoint.region == "a")
    }

    @Test(
        "that are none are refused with the reason, and without a secret",
        arguments: [
            ("s3://AKID:hidden@bucket/x", "AWS_SECRET_ACCESS_KEY"), ("s3://hidden@bucket", "AWS_SECRET_ACCESS_KEY"),
            ("s3://", "its bucket is missing"), ("s3:bucket", "does not begin with s3://"),
            ("s3:///x", "its bucket is missing"),
            ("s3://b_c/?secret_key=hidden", "has the parameter `secret_key`"), ("s3://b\u{E9}", "has a character"),
            ("s3://b?endpoint=hidden", "its endpoint is no http: or https: URL"),
            ("s3://b?endpoint=http://me:hidden@h", "its endpoint is no http: or https: URL"),
            ("s3://b?endpoint=http://h/?hidden=1", "its endpoint is no http: or https: URL"),
            ("s3://b?endpoint=", "has no value"), ("s3://b?region=%zz", "encoded wrongly"),
            ("s3://b?style=dns", "its style"),
            ("s3://b?endpoint=http://127.0.0.1:9000&style=virtual", "the endpoint is an address"),
            ("s3://b?style=virtual&endpoint=https://[::1]:9000", "the endpoint is an address"),
            ("s3://b?region=a/b", "its region"),
        ]
    )
    func refusal(url: String, words: String) {
        #expect {
            try S3Location(url, Self.nowhere)
        } throws: { error in
            let error = error as? StorageError
            return error?.code == .invalidURL && error?.message.contains(words) == true
                && error?.message.contains("hidden") == false
        }
        #expect(throws: StorageError.self) { try Stores.check(url) }
    }

    @Test("bound a key with its prefix to what S3 takes")
    func keys() throws {
        let location = try S3Location("s3://b/prefix", Self.nowhere)
        #expect(try location.fullKey(try ObjectKey("/a")).rawValue == "prefix//a")
        let longest = try ObjectKey(String(repeating: "k", count: 1017))
        #expect(try location.fullKey(longest).rawValue.utf8.count == 1024)
        #expect {
            try location.fullKey(try ObjectKey(longest.rawValue + "k"))
        } throws: { ($0 as? StorageError)?.code == .invalidKey }
    }

    @Test("of sources hold the key byte by byte, and lead only to buckets that jobs may read")
    func sources() async throws {
        func settings(_ variables: [String: String]) throws -> StorageSettings { try Settings.from(variables).storage }
        let inStore = try settings(["STORAGE_URL": "s3://own/outputs?endpoint=http://127.0.0.1:1"])
        // All but those with dots alone between slashes.
        let inOwn = try S3Location("s3://own", Self.nowhere)
        #expect(SignatureV4Tests.keys.count { (try? inOwn.fullKey(ObjectKey($0))) == nil } == 4)
        for key in SignatureV4Tests.keys where (try? inOwn.fullKey(ObjectKey(key))) != nil {
            let source = S3Source(url: "s3://own/\(key)", inStore)
            try await source.checkAllowed()
        }
        let elsewhere = S3Source(url: "s3://other/x", inStore)
        await #expect { try await elsewhere.checkAllowed() } throws: { error in
            let error = error as? StorageError
            return error?.code == .notAllowed && error?.message.contains("S3_SOURCE_BUCKETS") == true
        }
        let allowed = try settings([
            "STORAGE_URL": "file:///x", "S3_SOURCE_BUCKETS": "other, s3://third?endpoint=http://h:1&region=r",
        ])
        for url in ["s3://other/x", "s3://third/x"] { try await S3Source(url: url, allowed).checkAllowed() }
        for url in ["s3://own/x", "s3://thir/x", "s3://other/", "s3://other", "s3://me:hidden@other/x"] {
            await #expect(throws: StorageError.self, "\(url)") { try await S3Source(url: url, allowed).checkAllowed() }
        }
        #expect(!S3Source(url: "s3://me:hidden@other/x", allowed).description.contains("hidden"))
        try Sources.check("s3://other/x")
    }
}
