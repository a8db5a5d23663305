import JobModel
import Testing

@Suite("What a job asks for")
struct TicketContentTests {
    private func content(_ text: String) throws -> [UInt8] {
        try Ticket(parsing: text.utf8, expecting: .image).content
    }

    private let plain = #"{"id":"j","mediaId":"m","userId":"u","mediaType":"IMAGE","s3Key":"k"}"#

    @Test(
        "is the same however a message says it, and at every stage",
        arguments: [
            #"{"s3Key":"k","mediaType":"IMAGE","userId":"u","mediaId":"m","id":"j"}"#,
            #"{"id":"j","mediaId":"m","userId":"u","mediaType":"IMAGE","s3Key":"k","createdAt":"now","trace":1}"#,
            #"{"id":"j","mediaId":"m","userId":"u","mediaType":"IMAGE","s3Key":"k","priority":3,"source":null}"#,
            #"{"id":"j","mediaId":"m","userId":"u","mediaType":"IMAGE","s3Key":"k","hop":3,"transfer":"t","metadata":{"a":1}}"#,
            #"{"type":"image_processing_request","job_id":"j","media_id":"m","user_id":"u","s3_key":"k"}"#,
        ]
    )
    func same(text: String) throws {
        #expect(try content(text) == content(plain))
        let ticket = try Ticket(parsing: text.utf8, expecting: .image)
        #expect(try Ticket(parsing: ticket.json.serialized(), expecting: .image).content == ticket.content)
    }

    @Test(
        "is another when any of it is",
        arguments: [
            #""mediaId":"m2""#, #""userId":"u2""#, #""userId":null"#, #""s3Key":"k2""#, #""s3Key":"k\u0301""#,
            #""source":"file:///k""#, #""destination":"file:///d""#, #""requestThumbnails":false"#,
            #""profile":"small""#,
            #""callbackUrl":"https://x""#, #""sha256":"0""#,
        ]
    )
    func other(field: String) throws {
        // If a field stands twice, the last one counts.
        #expect(try content(plain.dropLast() + "," + field + "}") != content(plain))
    }
}
