import HTTPClient
import JobModel
import TestSupport
import Testing

@testable import Storage

@Suite("Listings of uploads by a store that means no good", .timeLimit(.minutes(5)))
struct S3ListingTests {
    private static func page(_ uploads: String, next: String) -> String {
        ScriptedStore.response(
            200,
            [:],
            "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>\(next)</NextKeyMarker>"
                + "<NextUploadIdMarker>m</NextUploadIdMarker>\(uploads)</ListMultipartUploadsResult>"
        )
    }

    private static func uploads(_ count: Int, _ key: String, bytes: Int = 0) -> String {
        let id = String(repeating: "u", count: bytes)
        return (0..<count).map { "<Upload><Key>\(key)</Key><UploadId>\($0)\(id)</UploadId></Upload>" }.joined()
    }

    @Test("are not followed in a circle")
    func circle() async throws {
        let server = try ScriptedStore { number, _ in
            Self.page(Self.uploads(3, "k"), next: number % 2 == 0 ? "even" : "odd")
        }
        defer { server.stop() }
        let found = try await server.client().listUploads("bucket", prefix: "")
        #expect(server.requests.count == 3 && found.count == 9)
    }

    @Test("are not believed to have open uploads without end, and only those of the key are kept")
    func endlessUploads() async throws {
        let server = try ScriptedStore { number, _ in
            Self.page(Self.uploads(1500, "other") + Self.uploads(1, "k"), next: "\(number)")
        }
        defer { server.stop() }
        let all = try await server.client().listUploads("bucket", prefix: "")
        #expect(all.count == 10_000 && server.requests.count == 7)
        let ofKey = try await server.client().listUploads("bucket", prefix: "k", of: "k")
        #expect(ofKey.count == 100 && ofKey.allSatisfy { $0.key == "k" } && server.requests.count == 107)
    }

    @Test("are not believed to have names of any length")
    func longNames() async throws {
        let server = try ScriptedStore { number, _ in
            let long = Self.uploads(1, "k", bytes: 5000) + Self.uploads(1, String(repeating: "k", count: 1025))
            return Self.page(long + Self.uploads(300, "k", bytes: 4000), next: "\(number)")
        }
        defer { server.stop() }
        let found = try await server.client().listUploads("bucket", prefix: "")
        let bytes = found.reduce(0) { $0 + $1.id.utf8.count + $1.key.count }
        #expect(bytes <= 4 << 20 && found.count > 1000 && server.requests.count == 4)
        #expect(found.allSatisfy { $0.id.utf8.count < 4100 && $0.key == "k" })
    }

    @Test("are not believed to have more parts of an upload than there are")
    func endlessParts() async throws {
        @Sendable func part(_ number: Int) -> String {
            "<Part><PartNumber>\(number)</PartNumber><Size>1</Size><ETag>e</ETag></Part>"
        }
        @Sendable func answer(_ parts: String, marker: String) -> String {
            ScriptedStore.response(
                200,
                [:],
                "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>\(marker)</NextPartNumberMarker>"
                    + parts + "</ListPartsResult>"
            )
        }
        for (pages, requests, found) in [
            // The same one again; more than are asked for; a marker that leads nowhere; one that leads on for ever.
            ([(part(1), "1"), (part(1), "2")], 2, nil), ([(part(1) + part(2) + part(3), "3")], 1, nil),
            ([(part(2), "0")], 1, [2]), ([(part(2), "x")], 1, [2]),
            ((1...200).map { ("", "\($0)") }, 100, []),
        ] as [([(String, String)], Int, [Int]?)] {
            let server = try ScriptedStore { number, _ in
                answer(pages[number % pages.count].0, marker: pages[number % pages.count].1)
            }
            defer { server.stop() }
            let parts = try await server.client().listParts("u", "bucket", try ObjectKey("k"), atMost: 2)
            #expect(parts?.map { $0.number } == found)
            #expect(server.requests.count == requests)
        }
    }
}
