import JobModel
import Testing

@Suite("An update message")
struct UpdateTests {
    private var ticket: Ticket {
        var ticket = Ticket(id: "j", mediaID: "m", kind: .video)
        ticket.userID = "u"
        ticket.metadata = ["duration": 2.5]
        var rendition = JobOutput(kind: .scaled, key: "videos/m_360p.mp4")
        rendition.quality = "360p"
        rendition.width = 640
        rendition.height = 360
        rendition.sizeBytes = 1234
        var thumbnail = JobOutput(kind: .thumbnail, key: "thumbnails/m_0.jpg")
        thumbnail.width = 720
        thumbnail.height = 405
        thumbnail.timestampSeconds = 15
        ticket.outputs = [rendition, thumbnail]
        return ticket
    }

    @Test("of a completed video lists versions and thumbnails in both spellings")
    func completed() {
        let update = ProgressUpdate(
            ticket: ticket,
            status: .completed,
            progress: 100,
            currentStep: "cleanup_complete",
            stage: .cleanup,
            timestamp: "t"
        )
        #expect(
            update.json.value == [
                "type": "video_processing_update", "job_id": "j", "media_id": "m", "userId": "u",
                "status": "completed", "progress": 100, "current_step": "cleanup_complete", "stage": "cleanup",
                "timestamp": "t", "metadata": ["duration": 2.5],
                "thumbnails": [
                    [
                        "s3_key": "thumbnails/m_0.jpg", "s3Key": "thumbnails/m_0.jpg", "timestamp": 15, "width": 720,
                        "height": 405,
                    ]
                ],
                "video_versions": [
                    [
                        "quality": "360p", "s3_key": "videos/m_360p.mp4", "s3Key": "videos/m_360p.mp4", "width": 640,
                        "height": 360, "file_size": 1234, "fileSize": 1234,
                    ]
                ],
            ]
        )
        #expect(update.isTerminal)
    }

    @Test("before the end names no outputs, and keeps progress within 0 to 100")
    func processing() {
        let update = ProgressUpdate(
            ticket: ticket,
            status: .processing,
            progress: 250,
            currentStep: UpdateStep.started(.process, .image),
            stage: .process,
            timestamp: "t"
        )
        #expect(update.json["video_versions"] == nil)
        #expect(update.progress == 100)
        #expect(update.currentStep == "processing_image")
        #expect(update.json["stage"] == "process" && update.json["error_code"] == nil)
        #expect(!update.isTerminal)
    }

    private func failed(_ ticket: Ticket) -> JSONFields {
        ProgressUpdate(
            ticket: ticket,
            status: .failed,
            progress: 10,
            currentStep: UpdateStep.failed(.process),
            stage: .cleanup,
            timestamp: "t"
        ).json
    }

    @Test("of a failed job has the code, the stage that gave up, and the source in words without what is secret")
    func failure() {
        var ticket = ticket
        ticket.failure = JobFailure(stage: .process, code: "no_video_stream", message: "no video", occurredAt: "t")
        var update = failed(ticket)
        #expect(update["error_code"] == "no_video_stream" && update["stage"] == "process")
        #expect(update["error_message"] == "job j failed in process: no video")
        #expect(update["video_versions"] == nil)
        ticket.sourceKey = "up/a\n.mov"
        update = failed(ticket)
        #expect(
            update["error_message"]?.stringValue == "job j failed in process: no video (source: the key up/a\\n.mov)"
        )
        ticket.source = "https://user:pw@host/a.mov?token=1"
        update = failed(ticket)
        #expect(
            update["error_message"]?.stringValue
                == "job j failed in process: no video (source: https://…@host/a.mov)"
        )
        ticket.sourceKey = String(repeating: "\u{1}", count: 100_000)
        ticket.source = nil
        ticket.failure?.message = String(repeating: "x", count: JobFailure.maximumMessageBytes)
        #expect(failed(ticket)["error_message"]?.stringValue?.utf8.count ?? 0 < 5000)
        ticket.failure = nil
        update = failed(ticket)
        #expect(update["error_code"] == "unknown" && update["stage"] == "cleanup")
    }

    @Test(
        "of a refused message says so, with what the message says of its job where that can be told",
        arguments: [
            (#"{"id":"j","mediaId":"m","userId":"u"}"#, "m", "u"),
            (#"{"id":"j","mediaId":"","userId":7}"#, nil, nil),
            (#"{"type":"x","job_id":"j","media_id":"m","user_id":"u"}"#, "m", "u"),
            (#"{"id":"j","mediaId":"m","userId":"u","mediaType":"VIDEO"}"#, "m", "u"),
        ] as [(String, String?, String?)]
    )
    func refusal(text: String, mediaID: String?, userID: String?) throws {
        var refusal: MessageError?
        do throws(MessageError) { _ = try Ticket(parsing: text.utf8, expecting: .image) } catch { refusal = error }
        let error = try #require(refusal)
        let update = ProgressUpdate(
            refusing: error,
            id: try #require(error.jobID),
            kind: .image,
            in: .download,
            timestamp: "t"
        )
        var expected: [ByteText: JSONValue] = [
            "type": "image_processing_update", "job_id": "j", "status": "failed", "progress": 0,
            "current_step": "download_failed", "stage": "download", "error_code": .string(error.code.rawValue),
            "error_message": .string("a message of job j was refused: \(error.message)"), "refused": true,
            "timestamp": "t",
        ]
        expected["media_id"] = mediaID.map { .string($0) }
        expected["userId"] = userID.map { .string($0) }
        #expect(update.json.value == .object(expected))
        #expect(!update.isTerminal)
    }

    @Test("of a refused message is short, whatever that says of its job")
    func longRefusal() throws {
        let long = String(repeating: "x", count: 500_000)
        let text = #"{"id":"j","mediaId":"\#(long)","userId":"\#(long)","mediaType":"\#(long)"}"#
        do throws(MessageError) {
            _ = try Ticket(parsing: text.utf8, expecting: .image)
            Issue.record("it is none of a known kind")
        } catch {
            let update = ProgressUpdate(refusing: error, id: "j", kind: .image, in: .download, timestamp: "t")
            #expect(update.json.serialized().count < 4096)
        }
    }

    @Test("tells what is not as it should be, and nothing of it when all is well")
    func warnings() {
        var update = ProgressUpdate(
            ticket: ticket,
            status: .completed,
            progress: 100,
            currentStep: UpdateStep.completed(.cleanup),
            stage: .cleanup,
            timestamp: "t"
        )
        #expect(update.json["warnings"] == nil)
        update.warnings = [.filesLeft(3, bytes: 4096)]
        #expect(
            update.json["warnings"]?.value == [
                [
                    "code": "temp_files_left",
                    "message": .string(
                        "up to 3 temp files of together 4096 bytes are not deleted yet; they stay on the books, "
                            + "and are tried again until they are gone"
                    ),
                ]
            ]
        )
    }

    @Test("uses the steps that clients know")
    func steps() {
        #expect(
            Stage.allCases.map { UpdateStep.started($0, .video) } == [
                "downloading_video", "processing_video", "uploading_results", "cleaning_up",
            ]
        )
        #expect(
            Stage.allCases.map(UpdateStep.completed) == [
                "download_complete", "processing_complete", "upload_complete", "cleanup_complete",
            ]
        )
        #expect(
            Stage.allCases.map(UpdateStep.failed) == [
                "download_failed", "processing_failed", "upload_failed", "cleanup_failed",
            ]
        )
    }
}

@Suite("An object key")
struct ObjectKeyTests {
    @Test("has 1 to 1024 bytes", arguments: ["", String(repeating: "é", count: 513)])
    func refused(key: String) {
        #expect(throws: ObjectKeyError.self) { try ObjectKey(key) }
    }

    @Test(
        "may be any text, as in S3; what a store cannot hold, that store refuses",
        arguments: [
            "a", "a/b c/é.mp4", "..a/b..", ".hidden", "a…", "a//b", "/a", "a/", "../x", "a\nb", "a\u{0}b",
            String(repeating: "é", count: 512),
        ]
    )
    func accepted(key: String) throws {
        #expect(Array(try ObjectKey(key).rawValue.utf8) == Array(key.utf8))
    }

    @Test("is compared by its bytes")
    func bytes() throws {
        let (composed, decomposed) = (try ObjectKey("caf\u{E9}"), try ObjectKey("cafe\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test("is shown on one line")
    func description() throws {
        let key = try ObjectKey("a\n\u{202E}b")
        #expect("\(key)" == #"a\n\u{202E}b"#)
        #expect("\(ObjectKeyError(key: "a\u{9B}", reason: "why"))" == #"the key `a\u{9B}` is not allowed: why"#)
    }
}

@Suite("Text that is shown")
struct ShownTextTests {
    @Test(
        "is one line that nothing turns around or hides in",
        arguments: [
            ("plain `text`, with \\ and \"", "plain `text`, with \\ and \""), ("é, 漢字, 🎬", "é, 漢字, 🎬"), ("", ""),
            ("a\n\r\tb", #"a\n\r\tb"#), ("\u{0}\u{1B}\u{7F}", #"\u{0}\u{1B}\u{7F}"#),
            ("\u{85}\u{9B}", #"\u{85}\u{9B}"#), ("\u{2028}\u{2029}", #"\u{2028}\u{2029}"#),
            ("\u{202E}\u{2066}\u{200F}", #"\u{202E}\u{2066}\u{200F}"#),
            ("\u{200B}\u{FEFF}\u{E000}\u{E0041}\u{FFFF}", #"\u{200B}\u{FEFF}\u{E000}\u{E0041}\u{FFFF}"#),
        ]
    )
    func shown(text: String, expected: String) {
        #expect(text.shown == expected)
    }

    @Test("in quotation marks ends where they do, whatever stands on them")
    func quoted() {
        #expect("a \"b\" \\".shownInQuotes.utf8.elementsEqual(#""a \"b\" \\""#.utf8))
        // To Swift a quotation mark and a combining mark are one character.
        #expect("\"\u{301}".shownInQuotes.utf8.elementsEqual("\"\\\"\u{301}\"".utf8))
    }
}

@Suite("A timestamp")
struct TimestampTests {
    @Test("is read with and without fractions, and written like JavaScript's")
    func roundTrip() throws {
        let date = try #require(Timestamp.date("2026-11-22T21:29:07.123Z"))
        #expect(Timestamp.string(date) == "2026-11-22T21:29:07.123Z")
        let whole = try #require(Timestamp.date("2026-11-22T21:29:07Z"))
        #expect(Timestamp.string(whole) == "2026-11-22T21:29:07.000Z")
        #expect(Timestamp.date("yesterday") == nil)
    }
}
