import JobModel
import Testing

@Suite("Upload URLs of a job")
struct UploadURLTests {
    private static func ticket(_ urls: String, _ more: String = "") throws -> Ticket {
        try Ticket(
            parsing: Array(
                #"{"id":"a","mediaId":"m","mediaType":"VIDEO","s3Key":"k","uploadUrls":\#(urls)\#(more)}"#.utf8
            ),
            expecting: .video
        )
    }

    @Test("are read, carried and written by name, in their order")
    func carried() throws {
        let ticket = try Self.ticket(#"{"720p":"https://h/a?s=1","thumbnail_0":null,"e\u0301":"https://h/b"}"#)
        #expect(
            ticket.uploadURLs == [
                UploadURL(name: "720p", url: "https://h/a?s=1"), UploadURL(name: "e\u{301}", url: "https://h/b"),
            ]
        )
        let again = try Ticket(parsing: ticket.json.serialized(), expecting: .video)
        #expect(again.uploadURLs == ticket.uploadURLs)
        #expect(try Self.ticket("null").uploadURLs.isEmpty)
        #expect(try Self.ticket("{}").json["uploadUrls"] == nil)
    }

    @Test(
        "are refused when they are too many, too long, or no text",
        arguments: [
            (#""https://h/a""#, "wrong_type"), (#"{"a":7}"#, "invalid_value"), (#"{"a":""}"#, "invalid_value"),
            (#"{"":"https://h/a"}"#, "invalid_value"), (#"{"a":"https://h/a","a":"https://h/b"}"#, "invalid_value"),
            (#"{"a":"\#(String(repeating: "u", count: 8193))"}"#, "invalid_value"),
            (#"{"\#(String(repeating: "n", count: 1025))":"https://h/a"}"#, "invalid_value"),
            (
                "{" + (0...1000).map { #""n\#($0)":"https://h/a""# }.joined(separator: ",") + "}",
                "too_large"
            ),
            (
                "{" + (0..<70).map { #""n\#($0)":"\#(String(repeating: "u", count: 8000))""# }.joined(separator: ",")
                    + "}",
                "too_large"
            ),
        ]
    )
    func refused(_ urls: String, _ code: String) throws {
        let error = #expect(throws: MessageError.self) { try Self.ticket(urls) }
        #expect(error?.code.rawValue == code && error?.jobID == "a")
        #expect(error?.message.utf8.count ?? 0 < 500)
    }

    @Test("are a part of what a job asks for by their places, and not by their signatures")
    func content() throws {
        let first = try Self.ticket(#"{"720p":"https://h/a?X-Amz-Signature=1#x"}"#)
        #expect(try Self.ticket(#"{"720p":"https://h/a?X-Amz-Signature=2"}"#).content == first.content)
        #expect(try Self.ticket(#"{"720p":"https://h/b?X-Amz-Signature=1"}"#).content != first.content)
        #expect(try Self.ticket("{}").content != first.content)
        #expect(!String(decoding: first.content, as: UTF8.self).contains("Signature"))
        // A job without any has the content that it had in earlier versions.
        #expect(!String(decoding: try Self.ticket("{}").content, as: UTF8.self).contains("uploadUrls"))
    }

    @Test("belong to outputs by their key, else by their quality, and thumbnails by their number")
    func outputs() throws {
        var ticket = try Self.ticket(
            #"{"720p":"https://h/1","thumbnail_1":"https://h/2","videos/m_360p.mp4":"https://h/3","no":"https://h/4"}"#
        )
        func output(_ kind: JobOutput.Kind, _ key: ByteText, _ quality: String?) -> JobOutput {
            var output = JobOutput(kind: kind, key: key)
            output.quality = quality
            return output
        }
        ticket.outputs = [
            output(.thumbnail, "t0", nil), output(.scaled, "videos/m_360p.mp4", "360p"), output(.thumbnail, "t1", nil),
            output(.scaled, "videos/m_720p.mp4", "720p"), output(.original, "videos/m_original.mp4", "original"),
        ]
        #expect(
            ticket.uploadURLsByOutput.mapValues(\.url) == [1: "https://h/3", 2: "https://h/2", 3: "https://h/1"]
        )
    }

    @Test("are kept without their signatures once the job has ended, and left out of what would be too long")
    func kept() throws {
        var ticket = try Self.ticket(#"{"720p":"https://h/a?X-Amz-Signature=hunter2","x":"?hunter2"}"#)
        ticket.outputs = [JobOutput(kind: .scaled, key: "k")]
        let bytes = try #require(ticket.kept(insteadOf: ticket.json.serialized()))
        #expect(!String(decoding: bytes, as: UTF8.self).contains("hunter2"))
        let kept = try Ticket(parsing: bytes, expecting: .video)
        #expect(kept.uploadURLs == [UploadURL(name: "720p", url: "https://h/a")] && kept.outputs.count == 1)
        #expect(kept.kept(insteadOf: bytes) == nil)
        ticket.uploadURLs = (0..<100).map {
            UploadURL(name: "n\($0)", url: "https://h/" + String(repeating: "a", count: 1000) + "?hunter2")
        }
        let short = try #require(ticket.kept(insteadOf: ticket.json.serialized()))
        let rest = try Ticket(parsing: short, expecting: .video)
        #expect(short.count < 1000 && rest.uploadURLs.isEmpty && rest.outputs.count == 1)
        // A message between stages that is too long loses its outputs, and asks for the same.
        #expect(ticket.shortened.uploadURLs == ticket.uploadURLs)
    }

    @Test("A name that is no output's is known")
    func unused() throws {
        var ticket = try Self.ticket(#"{"720":"https://h/1","360p":"https://h/2"}"#)
        ticket.outputs = [JobOutput(kind: .scaled, key: "k")]
        ticket.outputs[0].quality = "360p"
        #expect(ticket.unusedUploadURLs == ["720"])
    }
}
