import Foundation
import Testing

@testable import JobModel

/// A producer's fields are carried along as they are, and cannot make a message that a later stage refuses.
@Suite("A job message from a stranger")
struct TicketLimitsTests {
    private func text(_ fields: String) -> [UInt8] {
        Array(#"{"id":"j","mediaId":"m","mediaType":"IMAGE","s3Key":"k",\#(fields)}"#.utf8)
    }

    private func read(_ bytes: [UInt8]) throws -> Ticket { try Ticket(parsing: bytes, expecting: .image) }

    @Test(
        "keeps unknown fields to the byte",
        arguments: [
            #"1e19"#, #"1E+2"#, #"-0.0"#, #"12345678901234567890123"#, #"1.10"#, #"[1e19, 1e19,1]"#,
            #"{ "b" : 2,"a":1, "a":[ ] }"#, #""A\/é☃""#, #"" 🎬""#, #"null"#, #"true"#,
        ]
    )
    func unknownFields(value: String) throws {
        let ticket = try read(
            text(
                #""pad":\#(value),"outputs":[{"type":"t","x":\#(value)}],"#
                    + #""tempFiles":[{"path":"/a","x":\#(value)}],"metadata":{"x":\#(value)}"#
            )
        )
        let written = String(decoding: ticket.json.serialized(), as: UTF8.self)
        #expect(written.components(separatedBy: value).count - 1 == 4)
        #expect(try read(ticket.json.serialized()) == ticket)
    }

    @Test("does not grow when it is read and written, whatever its numbers and letters are")
    func size() throws {
        let numbers = String(repeating: "1e19,", count: 100_000) + "1e19"
        let odd = "\"" + String(repeating: #"\u0001\n\u00e9\/"#, count: 10_000) + "\""
        var bytes = text(#""pad":[\#(numbers)],"userId":\#(odd),"more":{\#(odd):\#(odd)}"#)
        // Manifest and booleans that we add are the same for every job.
        for _ in 0..<10 {
            let again = try read(bytes).json.serialized()
            #expect(again.count <= bytes.count + 64)
            bytes = again
        }
    }

    @Test("with names of many combining marks is read in a time that goes with its length", .timeLimit(.minutes(1)))
    func marks() throws {
        let name = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
        let ticket = try read(
            text(#""\#(name)":1,"x\#(name)":2,"metadata":{"\#(name)":1},"originalFilename":"\#(name)""#)
        )
        #expect(ticket.unknown.fields.count == 2)
        #expect(try read(ticket.json.serialized()) == ticket)
        let update = Self.update(ticket)
        #expect(update.json.serialized().count < ProgressUpdate.maximumMetadataBytes)
        #expect(try JSONValue(parsing: ticket.json.serialized()).objectValue?.count == ticket.json.fields.count)
    }

    @Test(
        "with many combining marks in any field is read, or refused, in a time that goes with its length",
        .timeLimit(.minutes(1))
    )
    func marksInFields() {
        let marks = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
        let names = Ticket.fieldNames.map(\.string).sorted()
        let nested = ["outputs", "tempFiles", "history"].flatMap { list in
            ["type", "s3Key", "stage", "path", "code", "location", "quality", "localPath"].map { (list, $0) }
        }
        let fields =
            names.map { #""\#($0)":"\#(marks)""# } + nested.map { #""\#($0.0)":[{"\#($0.1)":"\#(marks)"}]"# }
            + [#""job_id":"j","media_id":"m","type":"\#(marks)""#, #""error":{"stage":"\#(marks)"}"#]
        for field in fields {
            for own in [text(field), Array("{\(field)}".utf8)] {
                guard let ticket = try? Ticket(parsing: own, expecting: .video) else { continue }
                _ = Self.update(ticket).json.serialized()
                _ = ticket == ticket.redriven()
                _ = ticket.outputs.contains { $0.kind == .thumbnail }
            }
        }
    }

    @Test("keeps counters that later stages can read", arguments: ["hop", "attempt", "downloads", "redrives"])
    func counters(name: String) throws {
        var ticket = try read(text(#""\#(name)":1000000000"#))
        for _ in 0..<3 {
            ticket.hop = Ticket.counted(ticket.hop)
            ticket.attempt = Ticket.counted(ticket.attempt)
            ticket.downloads = Ticket.counted(ticket.downloads)
            ticket = try read(ticket.redriven().json.serialized())
        }
        #expect(throws: MessageError.self) { try read(text(#""\#(name)":1000000001"#)) }
        // A stranger's is far from where counting ends; ours may have got there.
        #expect(throws: Never.self) { try read(text(#""\#(name)":1000000"#)).checkLimits(bytes: 1) }
        #expect(throws: MessageError.self) { try read(text(#""\#(name)":1000001"#)).checkLimits(bytes: 1) }
        #expect(throws: Never.self) { try read(text(#""transfer":"t","\#(name)":1000000000"#)).checkLimits(bytes: 1) }
        #expect(Ticket.counted(7) == 8 && Ticket.counted(.max) == 1_000_000_000 && Ticket.counted(-5) == 1)
    }

    @Test("has a bounded manifest and bounded outputs", arguments: ["tempFiles", "outputs"])
    func entries(name: String) throws {
        func list(_ count: Int) -> String {
            let entry = name == "outputs" ? #"{"type":"t"}"# : #"{"path":"/a"}"#
            return "\"\(name)\":[" + Array(repeating: entry, count: count).joined(separator: ",") + "]"
        }
        let most = try read(text(list(Ticket.maximumFiles)))
        #expect((most.tempFiles?.count ?? most.outputs.count) == Ticket.maximumFiles)
        #expect { try read(text(list(Ticket.maximumFiles + 1))) } throws: {
            ($0 as? MessageError)?.code == .tooLarge && ($0 as? MessageError)?.jobID == "j"
        }
    }

    @Test("has a media id that fits into keys, counted in bytes")
    func mediaID() throws {
        for (text, isValid) in [("é", 512), ("é", 513), ("a", 1024), ("a", 1025)].map({
            (String(repeating: $0.0, count: $0.1), $0.0.utf8.count * $0.1 <= Ticket.maximumMediaIDBytes)
        }) {
            let bytes = Array(#"{"id":"j","mediaId":"\#(text)","mediaType":"IMAGE"}"#.utf8)
            #expect(((try? read(bytes)) != nil) == isValid)
        }
    }

    @Test("carries no more metadata in updates than updates are for")
    func updates() throws {
        let pad = String(repeating: "x", count: 2_000_000)
        var ticket = try read(text(#""metadata":{"width":7,"pad":"\#(pad)","codec":"\#(pad)"}"#))
        ticket.metadata?["height"] = 9
        let update = Self.update(ticket)
        #expect(update.metadata == ["width": 7, "height": 9])
        #expect(try read(ticket.json.serialized()).metadata?["pad"] != nil)
        ticket.metadata = ["width": 7, "vendor": "kept"]
        let short = Self.update(ticket)
        #expect(short.metadata == ["width": 7, "vendor": "kept"])
    }

    @Test("carries no longer a user id in updates than updates are for, and never a part of one")
    func userID() throws {
        for (length, isCarried) in [(1024, true), (1025, false)] {
            let id = String(repeating: "é", count: length / 2) + (length.isMultiple(of: 2) ? "" : "e")
            let update = Self.update(try read(text(#""userId":"\#(id)""#)))
            #expect(update.json["userId"]?.stringValue == (isCarried ? id : nil))
        }
    }

    private static func update(_ ticket: Ticket) -> ProgressUpdate {
        ProgressUpdate(
            ticket: ticket,
            status: .completed,
            progress: 1,
            currentStep: "s",
            stage: .cleanup,
            timestamp: "t"
        )
    }

    @Test("is kept short once it has ended")
    func kept() throws {
        let pad = String(repeating: "x", count: 500_000)
        var ticket = try read(text(#""pad":"\#(pad)","metadata":{"width":7,"pad":"\#(pad)"}"#))
        ticket.outputs = [JobOutput(kind: .imageScaled, key: "k")]
        ticket.outcome = .completed
        let bytes = try #require(ticket.kept(insteadOf: ticket.json.serialized()))
        let kept = try read(bytes)
        #expect(bytes.count < 1000 && kept.outputs.count == 1 && kept.metadata == ["width": 7])
        #expect(kept.outcome == .completed && kept.id == "j")
        #expect(kept.kept(insteadOf: bytes) == nil)
        ticket.outputs = (0..<20_000).map { JobOutput(kind: .imageScaled, key: "k\($0)") }
        let shortest = try #require(ticket.kept(insteadOf: ticket.json.serialized()))
        #expect(shortest.count < 1000)
    }

    @Test(
        "that has the fields of a job message is one, whatever its `type` says",
        arguments: [
            "a_processing_request", "image_processing_request", "video_processing_request", "x",
        ]
    )
    func type(type: String) throws {
        let ticket = try read(text(#""type":"\#(type)","job_id":"other""#))
        #expect(ticket.id == "j" && ticket.unknown["type"]?.stringValue == type)
        #expect(try read(ticket.json.serialized()) == ticket)
    }

    @Test("of the older service gets no meaning from fields that only job messages have")
    func legacy() throws {
        let names = [
            "stage", "previousStage", "localMediaPath", "metadata", "outputs", "tempFiles", "priority", "attempt",
            "hop",
            "transfer", "downloads", "redrives", "history", "node", "error", "outcome", "mediaId", "id", "source",
        ]
        let more = names.map { #""\#($0)":["x"]"# }.joined(separator: ",")
        let text = #"{"type":"image_processing_request","job_id":"j","media_id":"m","s3_key":"k",\#(more)}"#
        let ticket = try read(Array(text.utf8))
        #expect(ticket.id == "j" && ticket.unknown.isEmpty)
        #expect(try read(ticket.json.serialized()) == ticket)
    }
}
