import JobModel
import Testing

@Suite("A job message")
struct TicketTests {
    static let full = #"""
        {"id":"j-1","mediaId":"m-1","userId":"u-1","mediaType":"VIDEO","s3Key":"uploads/a.mov","originalFilename":"a.mov",
         "mimeType":"video/quicktime","fileSize":9007199254740993,"createdAt":"2026-01-02T03:04:05.678Z",
         "stage":"DOWNLOADED","previousStage":"DOWNLOADING","localMediaPath":"/tmp/x/source",
         "metadata":{"duration":1.5,"vendor":{"deep":[1,2.5,null,true,"é"]}},
         "outputs":[{"type":"scaled","s3Key":"videos/m-1_360p.mp4","width":640,"height":360,"fileSize":10,
           "mimeType":"video/mp4","quality":"360p","localPath":"/tmp/x/360p.mp4","extra":"kept"}],
         "tempFiles":[{"path":"/tmp/x/source","stage":"DOWNLOADING","createdAt":"2026-01-02T03:04:06Z","size":9,
           "type":"input","description":"the source","markedForCleanup":true,"checksum":"abc"}],
         "priority":5,"attempt":2,"hop":3,"node":"h","outcome":"failed",
         "error":{"stage":"process","code":"c","message":"m","at":"t","hint":"kept"},
         "traceId":"kept","nested":{"a":[{"b":18446744073709551615}]}}
        """#

    @Test("The host that a job waits for travels with it; what is none counts as none, as for older versions")
    func waitingFor() throws {
        var ticket = Ticket(id: "j", mediaID: "m", kind: .video)
        ticket.sourceKey = "k"
        ticket.waitingFor = HostWait(stage: .download, host: "h.example:443", message: "it does not answer", since: "t")
        #expect(try Ticket(parsing: ticket.json.serialized(), expecting: .video) == ticket)
        for value in [
            #""word""#, "7", "[]", "{}", #"{"stage":"x","host":"h","since":"t"}"#, #"{"host":"h","since":"t"}"#,
        ] {
            let text = #"{"id":"j","mediaId":"m","mediaType":"VIDEO","s3Key":"k","waitingFor":\#(value)}"#
            let read = try Ticket(parsing: Array(text.utf8), expecting: .video)
            #expect(read.waitingFor == nil && read.unknown == JSONFields(), "\(value)")
        }
        let long = String(repeating: "x", count: 100_000)
        let cut = HostWait(stage: .upload, host: long, message: long, since: long)
        #expect(cut.json.serialized().count < 1000)
    }

    @Test("keeps every field, known or not, on a round trip")
    func roundTrip() throws {
        let ticket = try Ticket(parsing: Self.full.utf8, expecting: .video)
        let original = try JSONValue(parsing: Self.full.utf8)
        #expect(try JSONValue(parsing: ticket.json.serialized()) == original)
        #expect(ticket.fileSizeBytes == 9_007_199_254_740_993)
        #expect(ticket.tempFiles?.first?.isMarkedForCleanup == true)
        #expect(ticket.unknown["traceId"] == "kept")
    }

    @Test("needs no manifest")
    func withoutManifest() throws {
        let ticket = try Ticket(
            parsing: #"{"id":"j","mediaId":"m","mediaType":"IMAGE","s3Key":"k"}"#.utf8,
            expecting: .image
        )
        #expect(ticket.tempFiles == nil)
        #expect(ticket.hop == 0)
        #expect(ticket.wantsThumbnails)
        #expect(ticket.json["tempFiles"] == nil)
    }

    @Test("treats null as absent, as JavaScript producers mean it")
    func nulls() throws {
        let text =
            #"{"id":"j","mediaId":"m","mediaType":"VIDEO","s3Key":"k","userId":null,"metadata":null,"tempFiles":null}"#
        let ticket = try Ticket(parsing: text.utf8, expecting: .video)
        #expect(ticket.userID == nil)
        #expect(ticket.tempFiles == nil)
    }

    @Test(
        "that is none says why",
        arguments: [
            ("", MessageError.Code.notJSON),
            ("not json", .notJSON),
            ("[1]", .notAnObject),
            (#""text""#, .notAnObject),
            ("{}", .missingField),
            (#"{"mediaId":"m","mediaType":"VIDEO"}"#, .missingField),
            (#"{"id":"","mediaId":"m","mediaType":"VIDEO"}"#, .invalidValue),
            (#"{"id":7,"mediaId":"m","mediaType":"VIDEO"}"#, .wrongType),
            (#"{"id":"j","mediaId":"m"}"#, .missingField),
            (#"{"id":"j","mediaId":"m","mediaType":"AUDIO"}"#, .unknownKind),
            (#"{"id":"j","mediaId":"m","mediaType":"IMAGE"}"#, .unknownKind),
            (#"{"id":"j","mediaType":"VIDEO"}"#, .missingField),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","s3Key":1}"#, .wrongType),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","fileSize":"9"}"#, .wrongType),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","stage":"SLEEPING"}"#, .invalidValue),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","tempFiles":{}}"#, .wrongType),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","tempFiles":[1]}"#, .wrongType),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","tempFiles":[{"size":1}]}"#, .missingField),
            (#"{"id":"j","mediaId":"m","mediaType":"VIDEO","outputs":[{"width":1}]}"#, .missingField),
            (#"{"type":"audio_processing_request","job_id":"j","media_id":"m"}"#, .unknownKind),
            (#"{"type":"image_processing_request","job_id":"j","media_id":"m"}"#, .unknownKind),
            (#"{"type":"video_processing_request","media_id":"m"}"#, .missingField),
        ]
    )
    func invalid(text: String, code: MessageError.Code) {
        #expect { try Ticket(parsing: text.utf8, expecting: .video) } throws: {
            ($0 as? MessageError)?.code == code
        }
    }

    @Test("names the field and the job in its error")
    func errorText() {
        let text = #"{"id":"j-9","mediaId":"m","mediaType":"VIDEO","tempFiles":[{"path":"/a"},{"path":5}]}"#
        #expect(
            throws: MessageError(
                code: .wrongType,
                message: "the field `tempFiles[1].path` must be a string, not a number",
                jobID: "j-9",
                mediaID: "m"
            )
        ) { try Ticket(parsing: text.utf8, expecting: .video) }
    }

    @Test("A job in the queue of the other kind is told which is its own", arguments: MediaKind.allCases)
    func otherQueue(kind: MediaKind) {
        let other: MediaKind = kind == .video ? .image : .video
        let text = #"{"id":"j","mediaId":"m","mediaType":"\#(kind.mediaType)"}"#
        let words =
            "\(kind == .video ? "a video" : "an image") job was sent to a queue for \(other.rawValue) jobs; "
            + "send it to \(kind.rawValue).processing.download"
        #expect { try Ticket(parsing: text.utf8, expecting: other) } throws: { ($0 as? MessageError)?.message == words }
    }

    @Test("has an id of 1 to 128 characters", arguments: [(1, true), (128, true), (129, false)])
    func idLength(length: Int, isValid: Bool) {
        for letter in ["a", "é", "🎬"] {
            let id = String(repeating: letter, count: length)
            let text = #"{"id":"\#(id)","mediaId":"m","mediaType":"VIDEO"}"#
            #expect(((try? Ticket(parsing: text.utf8, expecting: .video)) != nil) == isValid)
        }
    }

    @Test(
        "survives numbers that no integer holds",
        arguments: ["1e300", "-1e300", "1.5", "18446744073709551615", "-9223372036854775808", "0"]
    )
    func extremeNumbers(number: String) throws {
        let fields = ["fileSize", "progressInterval"]
            .map { #""\#($0)":\#(number)"# }.joined(separator: ",")
        let text = #"{"id":"j","mediaId":"m","mediaType":"VIDEO",\#(fields)}"#
        let ticket = try Ticket(parsing: text.utf8, expecting: .video)
        #expect(!ticket.json.serialized().isEmpty)
    }

    @Test("has a priority from 0 to 9, or none")
    func priority() throws {
        func read(_ value: String) throws -> Int64? {
            let text = #"{"id":"j","mediaId":"m","mediaType":"VIDEO","priority":\#(value)}"#
            return try Ticket(parsing: text.utf8, expecting: .video).priority
        }
        for (value, priority) in [("0", 0), ("9", 9), ("3.0", 3), ("-0.0", 0), ("1e0", 1)] as [(String, Int64)] {
            #expect(try read(value) == priority)
        }
        #expect(try read("null") == nil)
        for value in ["-1", "10", "1.5", "1e300", "18446744073709551615", "-9223372036854775809"] {
            #expect { try read(value) } throws: { ($0 as? MessageError)?.code == .invalidValue }
        }
        #expect { try read(#""9""#) } throws: { ($0 as? MessageError)?.code == .wrongType }
    }

    @Test(
        "tells how often it wants updates in either spelling, in a job message and in a request",
        arguments: [
            (#""progressInterval":7"#, 7), (#""progress_interval":7"#, 7), (#""progress_interval":"7""#, nil),
            (#""progress_interval":1,"progressInterval":7"#, nil),
        ] as [(String, Double?)]
    )
    func progressInterval(fields: String, seconds: Double?) throws {
        let messages = [
            #"{"id":"j","mediaId":"m","mediaType":"VIDEO",\#(fields)}"#,
            #"{"type":"video_processing_request","job_id":"j","media_id":"m",\#(fields)}"#,
        ]
        for (message, own) in zip(messages, [7.0, 1.0]) {
            // A request with a word there was refused ever since.
            if fields.contains(#""7""#), own == 1 { continue }
            let ticket = try Ticket(parsing: message.utf8, expecting: .video)
            #expect(ticket.progressIntervalSeconds == (fields.contains(",") ? own : seconds))
            let next = try Ticket(parsing: ticket.json.serialized(), expecting: .video)
            #expect(next.progressIntervalSeconds == ticket.progressIntervalSeconds)
        }
    }

    @Test("with a counter that cannot be one is refused", arguments: ["attempt", "hop", "downloads"])
    func counters(name: String) {
        for number in ["1099511627776", "1e300", "-1"] {
            let text = #"{"id":"j","mediaId":"m","mediaType":"VIDEO","\#(name)":\#(number)}"#
            #expect { try Ticket(parsing: text.utf8, expecting: .video) } throws: {
                ($0 as? MessageError)?.code == .invalidValue
            }
        }
    }

    @Test("may carry an unknown field that only legacy requests give a meaning")
    func legacyLookalike() throws {
        let text = #"{"id":"j","mediaId":"m","mediaType":"VIDEO","s3Key":"k","job_id":"other"}"#
        let ticket = try Ticket(parsing: text.utf8, expecting: .video)
        #expect(ticket.id == "j" && ticket.unknown["job_id"] == "other")
    }

    @Test("quotes no more of a stranger's text than fits in a header")
    func boundedErrors() {
        let value = "a" + String(repeating: "\u{301}", count: 70_000)
        let text = #"{"id":"j","mediaId":"m","mediaType":"\#(value)"}"#
        #expect { try Ticket(parsing: text.utf8, expecting: .video) } throws: {
            (($0 as? MessageError)?.message.utf8.count ?? .max) <= 2048
        }
    }

    @Test("is refused, not trapped on, when it is nested without end")
    func deepNesting() {
        let text = String(repeating: "[", count: 100_000)
        #expect(throws: MessageError.self) { try Ticket(parsing: text.utf8, expecting: .video) }
    }
}

@Suite("A legacy request")
struct LegacyRequestTests {
    @Test("becomes a ticket", arguments: MediaKind.allCases)
    func conversion(kind: MediaKind) throws {
        let text = """
            {"type":"\(kind.rawValue)_processing_request","job_id":"j","media_id":"m","user_id":"u","s3_key":"up/x",
             "original_filename":"x.mov","request_thumbnails":false,"request_progress_updates":true,
             "progress_interval":2,"timestamp":"2026-01-01T00:00:00Z","tenant":"kept"}
            """
        let ticket = try Ticket(parsing: text.utf8, expecting: kind)
        var expected = Ticket(id: "j", mediaID: "m", kind: kind)
        expected.userID = "u"
        expected.sourceKey = "up/x"
        expected.originalFilename = "x.mov"
        expected.wantsThumbnails = false
        expected.progressIntervalSeconds = 2
        expected.createdAt = "2026-01-01T00:00:00Z"
        expected.unknown = ["tenant": "kept"]
        #expect(ticket == expected)
        // The request became a job message with the same content.
        #expect(try Ticket(parsing: ticket.json.serialized(), expecting: kind) == expected)
    }

    @Test("may give its timestamp as a number")
    func numericTimestamp() throws {
        let text = #"{"type":"video_processing_request","job_id":"j","media_id":"m","timestamp":1767225600000}"#
        let ticket = try Ticket(parsing: text.utf8, expecting: .video)
        #expect(ticket.unknown["timestamp"] == 1_767_225_600_000)
    }
}
