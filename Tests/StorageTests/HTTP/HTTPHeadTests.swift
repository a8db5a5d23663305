import Foundation
import Testing

@testable import HTTPClient
@testable import Storage

@Suite("The head of a source's response")
struct HTTPHeadTests {
    private func head(_ status: Int = 200, _ fields: [(String, String)]) throws -> HTTPHead {
        var headers = WebHeaders()
        for (name, value) in fields { headers.add(name, value) }
        return try HTTPHead(WebResponse(status: status, headers: headers, contentLength: nil), "the source")
    }

    @Test(
        "tells one length, or is refused",
        arguments: [
            (["5"], 5), (["5", "5"], 5), (["5, 5"], 5), (["005", "5"], 5), (["0"], 0), ([], nil),
            (["999999999999999999"], 999_999_999_999_999_999),
        ] as [([String], Int64?)]
    )
    func lengths(values: [String], length: Int64?) throws {
        #expect(try head(200, values.map { ("content-length", $0) }).sizeBytes == length)
    }

    @Test(
        "with no one length is refused",
        arguments: [["5", "6"], ["5,6"], [""], ["-1"], ["+5"], ["5x"], ["0x5"], ["5,"], ["1000000000000000000"]]
    )
    func badLengths(values: [String]) {
        #expect(throws: StorageError.self) { try head(200, values.map { ("Content-Length", $0) }) }
    }

    @Test(
        "says which part it is",
        arguments: [
            ("bytes 0-0/10", 0, 10), ("bytes 5-9/10", 5, 10), ("Bytes 5-9/*", 5, nil), ("bytes 5-10/10", nil, nil),
            ("bytes 9-5/10", nil, nil), ("bytes */10", nil, nil), ("bytes 5-9", nil, nil), ("items 5-9/10", nil, nil),
            ("bytes 5-9/-1", nil, nil), ("bytes 5-99999999999999999999/*", nil, nil), ("", nil, nil),
        ] as [(String, Int64?, Int64?)]
    )
    func parts(value: String, start: Int64?, size: Int64?) {
        let found = try? head(206, [("Content-Range", value)])
        #expect(found?.start == start && found?.sizeBytes == size)
    }

    @Test(
        "has a validator that tells versions apart, or none",
        arguments: [
            ([("ETag", "\"abc-2\"")], "\"abc-2\""), ([("ETag", "W/\"abc\"")], nil), ([("ETag", "abc")], nil),
            ([("ETag", "\"\"")], nil), ([("ETag", "\"a\"b\"")], nil), ([], nil),
            ([("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")], nil),
            (
                [("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Date", "Sun, 06 Nov 1994 08:49:38 GMT")],
                "Sun, 06 Nov 1994 08:49:37 GMT"
            ),
            ([("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")], nil),
        ] as [([(String, String)], String?)]
    )
    func validators(fields: [(String, String)], validator: String?) throws {
        #expect(try head(200, fields).validator?.value == validator.map { Array($0.utf8) })
    }

    @Test("has checksums of the whole source only")
    func checksums() throws {
        func algorithms(_ status: Int, _ fields: [(String, String)]) throws -> Set<SourceChecksum.Algorithm> {
            let part = status == 206 ? [("Content-Range", "bytes 5-9/10")] : []
            return Set(try head(status, fields + part).checksums.map(\.algorithm))
        }
        func value(_ count: Int) -> String { Data(repeating: 7, count: count).base64EncodedString() }
        let fields = [
            ("Content-MD5", value(16)), ("x-amz-checksum-sha256", value(32)), ("x-amz-checksum-crc32c", value(4)),
            ("x-amz-checksum-sha1", value(20)), ("x-amz-checksum-crc32", value(4)),
        ]
        #expect(try algorithms(200, fields) == [.md5, .sha1, .sha256, .crc32, .crc32c])
        #expect(try algorithms(206, fields).isEmpty)
        #expect(try algorithms(200, fields + [("x-amz-checksum-type", "COMPOSITE")]) == [.md5])
        #expect(try algorithms(200, [("x-amz-checksum-sha256", value(32) + "-3")]).isEmpty)
        #expect(try algorithms(200, [("Content-MD5", value(15))]).isEmpty)
        for status in [200, 206] {
            #expect(try algorithms(status, [("Repr-Digest", "sha-512=:x:, sha-256=:\(value(32)):")]) == [.sha256])
            #expect(try algorithms(status, [("Digest", "SHA-256=\(value(32))")]) == [.sha256])
            #expect(
                try algorithms(status, [("x-goog-hash", "crc32c=\(value(4)),md5=\(value(16))")]) == [.crc32c, .md5]
            )
        }
        #expect(try algorithms(200, [("ETag", "\"0123456789abcdef0123456789abcdef\"")]).isEmpty)
    }

    @Test(
        "has dates",
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199), ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 24:49:37 GMT", nil), ("", nil),
            ("Sun, 06 nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil),
        ] as [(String, Int64?)]
    )
    func dates(text: String, seconds: Int64?) {
        #expect(UTCTime(httpDate: Array(text.utf8))?.secondsSince1970 == seconds)
    }

    @Test(
        "is asked by URLs that were signed until a moment",
        arguments: [
            ("X-Amz-Date=20240229T235959Z&X-Amz-Expires=1", 1_709_251_200),
            ("x-amz-expires=1&a=b&x-amz-date=20240229T235959Z", 1_709_251_200),
            ("X-Goog-Date=20240229T235959Z&X-Goog-Expires=604800", 1_709_855_999),
            ("Expires=1709251199&Signature=x&AWSAccessKeyId=y", 1_709_251_199), ("Expires=1709251199", nil),
            ("Expires=1709251199&Signature=x&Key-Pair-Id=y", 1_709_251_199),
            ("sv=2020&se=2024-02-29T23%3A59%3A59Z&sig=x", 1_709_251_199), ("se=2024-02-29&sig=x", 1_709_164_800),
            ("se=2024-02-29T23:59Z&sig=x", 1_709_251_140), ("se=2024-02-29T23:59:59Z", nil), ("", nil),
            ("X-Amz-Date=20240229T235959Z", nil), ("X-Amz-Date=x&X-Amz-Expires=1", nil),
            ("X-Amz-Date=20240229T235959Z&X-Amz-Expires=99999999999999999999", nil),
        ] as [(String, Int64?)]
    )
    func expiries(query: String, seconds: Int64?) {
        #expect(SignedURL.expiry(ofQuery: Array(query.utf8))?.secondsSince1970 == seconds)
    }
}
