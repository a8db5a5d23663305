import Digests
import Foundation
import HTTPClient
import JobModel
import TestSupport
import Testing

@testable import Storage

/// The examples of the Amazon S3 API reference ("Signature Calculations for the Authorization Header: Transferring
/// Payload in a Single Chunk"), of Amazon's Signature Version 4 test suite, and the signatures of botocore.
@Suite("Signatures of version 4")
struct SignatureV4Tests {
    private static let documented = S3Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    )
    private static let documentedTime = UTCTime(secondsSince1970: 1_369_353_600)
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var method = "GET"
        var path = "/"
        var query: S3Query = [:]
        var headers: WebHeaders = [:]
        var payload = SignatureV4Tests.empty
        var signedHeaders = "host;x-amz-content-sha256;x-amz-date"
        var signature: String

        var testDescription: String { name }
    }

    @Test(
        "are those of Amazon's examples",
        arguments: [
            Example(
                name: "GET Object",
                path: "/test.txt",
                headers: ["Range": "bytes=0-9"],
                signedHeaders: "host;range;x-amz-content-sha256;x-amz-date",
                signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            ),
            Example(
                name: "PUT Object",
                method: "PUT",
                path: "/test%24file.text",
                headers: ["Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"],
                payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                signedHeaders: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
            ),
            Example(
                name: "GET Bucket Lifecycle",
                query: ["lifecycle": ""],
                signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
            ),
            Example(
                name: "GET Bucket (List Objects)",
                query: ["prefix": "J", "max-keys": "2"],
                signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            ),
        ]
    )
    func documented(_ example: Example) {
        var headers = example.headers
        headers.add("host", "examplebucket.s3.amazonaws.com")
        headers.add("x-amz-content-sha256", example.payload)
        headers.add("x-amz-date", "20130524T000000Z")
        let request = SignatureV4.Request(
            method: example.method,
            path: example.path,
            query: example.query,
            headers: headers,
            payloadHash: example.payload
        )
        let authorization = SignatureV4(region: "us-east-1")
            .authorization(request, Self.documented, at: Self.documentedTime)
        #expect(
            authorization
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=\(example.signedHeaders), Signature=\(example.signature)"
        )
    }

    @Test(
        "are those of Amazon's test suite",
        arguments: [
            Example(
                name: "get-vanilla",
                signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            ),
            Example(
                name: "get-vanilla-query-order-key-case",
                query: ["Param2": "value2", "Param1": "value1"],
                signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
            ),
            Example(
                name: "get-header-value-trim",
                headers: ["My-Header1": " value1", "My-Header2": " \"a   b   c\""],
                signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
            ),
            Example(
                name: "get-unreserved",
                path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"
            ),
            Example(
                name: "post-vanilla",
                method: "POST",
                signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
            ),
        ]
    )
    func suite(_ example: Example) {
        var headers = example.headers
        headers.add("Host", "example.amazonaws.com")
        headers.add("X-Amz-Date", "20150830T123600Z")
        let request = SignatureV4.Request(
            method: example.method,
            path: example.path,
            query: example.query,
            headers: headers,
            payloadHash: SignatureV4.emptyPayload
        )
        let authorization = SignatureV4(region: "us-east-1", service: "service").authorization(
            request,
            S3Credentials(
                accessKeyID: "AKIDEXAMPLE",
                secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
            ),
            at: UTCTime(secondsSince1970: 1_440_938_160)
        )
        #expect(authorization.hasSuffix("Signature=\(example.signature)"))
    }

    /// Keys that stacks of HTTP fold, decode or encode twice, and two that look the same.
    static let keys = [
        "a b+c.jpg", "100%", "100%25", "1+2", "1 2", "#x", "q?a=b&c", "/lead", "a//b", "./a", "a/../b", "..", "a/.",
        "*'()!",
        "~-_.", "é", "e\u{301}", "日本/語.mp4", "\u{1}\u{7F}", "a\\b", "&<>\"'", ";:@=,$",
        String(repeating: "ü", count: 512),
    ]

    @Test("are those of botocore, for keys and parameters of all kinds, with and without a session token")
    func botocore() async throws {
        let program = """
            import sys, json, datetime, botocore.auth, botocore.awsrequest, botocore.credentials
            botocore.auth.get_current_datetime = lambda *a, **k: datetime.datetime(2026, 11, 30, 1, 2, 3)
            for case in json.loads(sys.argv[1]):
                credentials = botocore.credentials.Credentials("AKID", "secret/+key", case["token"] or None)
                request = botocore.awsrequest.AWSRequest(case["method"], case["url"], case["headers"])
                botocore.auth.S3SigV4Auth(credentials, "s3", "eu-central-1").add_auth(request)
                print(request.headers["Authorization"])
            """
        struct Case: Encodable {
            var method: String
            var url: String
            var headers: [String: String]
            var token: String
        }
        var cases: [Case] = []
        var own: [String] = []
        let time = try #require(UTCTime(httpDate: Array("Mon, 30 Nov 2026 01:02:03 GMT".utf8)))
        let queries: [S3Query] = [
            [:], ["uploads": ""], ["uploadId": "a+b/c=", "partNumber": "7"],
            ["list-type": "2", "prefix": "up/é +%&=", "encoding-type": "url"],
        ]
        for (index, key) in Self.keys.enumerated() {
            for style in [S3Endpoint.Style.path, .virtual] {
                let endpoint = try #require(
                    S3Endpoint(url: "https://h.example:8443", region: "eu-central-1", style: style)
                )
                let (query, token) = (queries[index % queries.count], index % 2 == 0 ? "" : "to/ken==")
                let payload = SignatureV4.emptyPayload
                let path = endpoint.path(of: "bucket", key: try ObjectKey(key))
                let host = endpoint.host(of: "bucket")
                var headers: WebHeaders = [
                    "host": host, "x-amz-date": time.basicText, "x-amz-content-sha256": payload, "range": "bytes=5-",
                    "x-amz-meta-a": "b  c",
                ]
                if !token.isEmpty { headers.add("x-amz-security-token", token) }
                cases.append(
                    Case(
                        method: "GET",
                        url: "https://\(host)\(path)" + (query.text.isEmpty ? "" : "?" + query.text),
                        headers: ["range": "bytes=5-", "x-amz-meta-a": "b  c"],
                        token: token
                    )
                )
                let request = SignatureV4.Request(
                    method: "GET",
                    path: path,
                    query: query,
                    headers: headers,
                    payloadHash: payload
                )
                let credentials = S3Credentials(
                    accessKeyID: "AKID",
                    secretAccessKey: "secret/+key",
                    sessionToken: token.isEmpty ? nil : token
                )
                own.append(SignatureV4(region: "eu-central-1").authorization(request, credentials, at: time))
            }
        }
        let text = String(decoding: try JSONEncoder().encode(cases), as: UTF8.self)
        let theirs = try await TestObjectStore.python(program, text).split(separator: "\n").map(String.init)
        #expect(theirs.count == own.count)
        for ((own, theirs), one) in zip(zip(own, theirs), cases) { #expect(own == theirs, "\(one.url)") }
    }

    @Test("are made with a key that no description of credentials tells")
    func secrecy() {
        let credentials = S3Credentials(accessKeyID: "AKID", secretAccessKey: "hidden", sessionToken: "hidden-too")
        for text in ["\(credentials)", String(reflecting: credentials), "\([credentials])", "\((1, credentials))"] {
            #expect(!text.contains("hidden"))
        }
        var dumped = ""
        dump(credentials, to: &dumped)
        #expect(!dumped.contains("hidden"))
    }
}

@Suite("Times of HTTP and of signatures")
struct UTCTimeTests {
    @Test(
        "are read and written",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777, "19941106T084937Z"),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0, "19700101T000000Z"),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199, "20240229T235959Z"),
            ("Wed, 31 Dec 2100 00:00:00 GMT", 4_133_894_400, "21001231T000000Z"),
        ] as [(String, Int64, String)]
    )
    func times(text: String, seconds: Int64, basic: String) {
        #expect(UTCTime(httpDate: Array(text.utf8))?.secondsSince1970 == seconds)
        #expect(UTCTime(secondsSince1970: seconds).basicText == basic)
        #expect(UTCTime(secondsSince1970: seconds).text.utf8.filter { $0 != 45 && $0 != 58 } == Array(basic.utf8))
    }

    @Test(
        "of another form are none",
        arguments: [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 25:49:37 GMT",
        ]
    )
    func others(text: String) { #expect(UTCTime(httpDate: Array(text.utf8)) == nil) }
}
