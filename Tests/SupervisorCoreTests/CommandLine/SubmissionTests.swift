import Foundation
import JobModel
import Queues
import Testing

@testable import SupervisorCore

struct SubmissionTests {
    private let scratch = Scratch()

    @Test(
        "A source is a file, a URL or a key",
        arguments: [
            ("clip.mp4", CommandLineSource.file("/home/me/clip.mp4")),
            ("./a/../b.mp4", .file("/home/me/b.mp4")),
            ("/x//y.png", .file("/x/y.png")),
            ("https://example.org/a%20b.mp4?x=1", .url("https://example.org/a%20b.mp4?x=1")),
            ("s3://bucket/k.mp4", .url("s3://bucket/k.mp4")),
            ("FILE:///a.mp4", .url("FILE:///a.mp4")),
            ("key:videos/in.mp4", .key("videos/in.mp4")),
            // Legal in S3; a store that cannot hold it refuses it.
            ("key:/a//b", .key("/a//b")),
            ("/x/\u{301}y.png", .file("/x/\u{301}y.png")),
            ("/x/..\u{2F}\u{301}y.png", .file("/\u{301}y.png")),
            // A colon alone makes no URL.
            ("12:30.mp4", .file("/home/me/12:30.mp4")),
        ]
    )
    func sources(text: String, expected: CommandLineSource) throws {
        #expect(try CommandLineSource(text, workingDirectory: "/home/me") == expected)
    }

    @Test(
        "What can be no source is refused",
        arguments: ["", "ftp://host/x.mp4", "key:", "key:" + String(repeating: "x", count: 1025)]
    )
    func refusedSources(text: String) {
        #expect(throws: UsageProblem.self) { try CommandLineSource(text, workingDirectory: "/") }
    }

    @Test(
        "The media id is the file's name made safe, and a part of the job's id",
        arguments: [
            ("My Clip (1).final.mp4", "My-Clip-1-final-0123abcd"), ("ünï/côde.png", "n-c-de-0123abcd"),
            ("...", "media-0123abcd"), ("", "media-0123abcd"), (".hidden", "hidden-0123abcd"),
            (String(repeating: "x", count: 300) + ".mp4", String(repeating: "x", count: 64) + "-0123abcd"),
        ]
    )
    func mediaID(fileName: String, expected: String) {
        #expect(Submission.mediaID(fileName: fileName, jobID: "0123abcd-ffff") == expected)
    }

    @Test("A URL is submitted whole, and shown without what may be secret")
    func shownURL() throws {
        let url = "https://host.example/clip.mp4?X-Amz-Signature=hunter2#hunter2"
        let submission = try Submission(url, options: .init(), workingDirectory: "/")
        #expect(submission.ticket.source == url)
        #expect(submission.source == "https://host.example/clip.mp4")
        for text in ["https://host.example/clip?sig=hunter2", "ftp://u:hunter2@host/x.mp4"] {
            #expect {
                try Submission(text, options: .init(), workingDirectory: "/")
            } throws: { error in
                let message = (error as? UsageProblem)?.message ?? "hunter2"
                return message.contains("host") && !message.contains("hunter2")
            }
        }
    }

    @Test("A destination and signed URLs go into the job message as they are")
    func places() throws {
        let urls = try Submission.uploadURLs(["720p=https://h/a?x=1=2&sig=hunter2", "thumbnail_0=https://h/b"])
        let options = Submission.Options(kind: .video, destination: "s3://media/eve", uploadURLs: urls)
        let ticket = try Submission("key:in", options: options, workingDirectory: "/").ticket
        #expect(ticket.destination == "s3://media/eve")
        #expect(ticket.uploadURLs.map(\.name) == ["720p", "thumbnail_0"])
        #expect(ticket.uploadURLs.map(\.url) == ["https://h/a?x=1=2&sig=hunter2", "https://h/b"])
    }

    @Test(
        "--upload-url without a name or a URL, or twice for an output, is refused, and no URL is repeated",
        arguments: [
            ["https://h/a?sig=hunter2"], ["=https://h/hunter2"], ["720p="], ["720p"], [""],
            ["a=https://h/hunter2", "a=https://h/hunter2"],
        ]
    )
    func refusedPlaces(_ arguments: [String]) {
        let problem = #expect(throws: UsageProblem.self) { try Submission.uploadURLs(arguments) }
        #expect(problem?.message.contains("--upload-url") == true && problem?.message.contains("hunter2") == false)
    }

    @Test("The job message of a local file has all that the contract asks for")
    func localFile() throws {
        let path = try scratch.file("a b#ü.dat", [0xFF, 0xD8, 0xFF, 0xE0])
        let submission = try Submission(
            "a b#ü.dat",
            options: .init(userID: "u1"),
            workingDirectory: scratch.path,
            id: "11112222-3333",
            now: Date(timeIntervalSince1970: 0)
        )
        let expected: JSONValue = [
            "id": "11112222-3333", "mediaId": "a-b-11112222", "userId": "u1", "mediaType": "IMAGE",
            "source": .string("file://" + scratch.path + "/a%20b%23%C3%BC.dat"), "originalFilename": "a b#ü.dat",
            "mimeType": "image/jpeg", "fileSize": 4, "createdAt": "1970-01-01T00:00:00.000Z", "stage": "DOWNLOADING",
            "attempt": 0, "hop": 0,
        ]
        #expect(submission.ticket.json.value == expected)
        #expect(FileURL.path(submission.ticket.source ?? "") == path)
        #expect(try Ticket(parsing: submission.ticket.json.serialized(), expecting: .image) == submission.ticket)
    }

    @Test("Content outweighs the extension, and --kind outweighs both")
    func kinds() throws {
        _ = try scratch.file("wrong.mp4", [0xFF, 0xD8, 0xFF, 0xE0])
        func kind(_ text: String, _ given: MediaKind? = nil) throws -> MediaKind {
            try Submission(text, options: .init(kind: given), workingDirectory: scratch.path).ticket.kind
        }
        #expect(try kind("wrong.mp4") == .image)
        #expect(try kind("wrong.mp4", .video) == .video)
        #expect(try kind("https://example.org/x/clip.mov?sig=a.png") == .video)
        #expect(try kind("key:in/photo.png") == .image)
        #expect(try kind("key:in/unknown", .image) == .image)
    }

    @Test("An empty file is taken by its extension; the stages say what is wrong with it")
    func emptyFile() throws {
        _ = try scratch.file("empty.jpg", [])
        #expect(try Submission("empty.jpg", options: .init(), workingDirectory: scratch.path).ticket.kind == .image)
    }

    @Test("A source that cannot be used is an error that names it")
    func unusable() throws {
        _ = try scratch.file("data.bin", Array("what is this".utf8))
        func message(_ text: String, _ options: Submission.Options = .init()) -> String {
            do throws(UsageProblem) {
                _ = try Submission(text, options: options, workingDirectory: scratch.path)
                return "accepted"
            } catch {
                return error.message
            }
        }
        #expect(
            message("missing.mp4") == "cannot read \(scratch.path)/missing.mp4: No such file or directory (errno 2)"
        )
        #expect(message(scratch.path) == "cannot read \(scratch.path): it is not a regular file")
        #expect(message("data.bin") == "cannot tell whether `data.bin` is a video or an image; say so with --kind")
        #expect(message("key:a.mp4", .init(mediaID: "../x")).hasPrefix("the media id is part of the outputs' keys"))
    }
}
