import Foundation
import JobModel
import Settings
import Testing

@testable import Logs

@Suite("A log line")
struct LogLineTests {
    private let line = LogLine(
        time: Date(timeIntervalSince1970: 0),
        level: "info",
        process: "process.video.1",
        message: "took\n\"it\"",
        fields: ["job.id": "a b", "file.bytes": "7", "level": "x"]
    )

    @Test("as text holds time, level, process, message and fields in one line")
    func text() {
        #expect(
            line.rendered(as: .text)
                == "1970-01-01T00:00:00.000Z info     process.video.1: took\\n\"it\" "
                + "file.bytes=7 job.id=\"a b\" level=x\n"
        )
    }

    /// A job's id that someone has chosen to break lines, to turn text around, and to end the quotation.
    private static let hostile = "a\u{9B}\u{85}\u{2028}\u{2029}\u{202E}\u{0}\n\"\u{301} x=\\"

    private static func line(_ text: String) -> LogLine {
        LogLine(
            time: Date(timeIntervalSince1970: 0),
            level: "info",
            process: text,
            message: text,
            fields: ["job.id": text]
        )
    }

    @Test("as text shows what cannot be seen, and nothing in it forges a line or a field")
    func hostileText() {
        let text = Self.line(Self.hostile).rendered(as: .text)
        #expect(text.unicodeScalars.dropLast().allSatisfy { $0.isShown } && text.unicodeScalars.last == "\n")
        let shown = #"a\u{9B}\u{85}\u{2028}\u{2029}\u{202E}\u{0}\n"#
        let expected =
            "1970-01-01T00:00:00.000Z info     \(shown)\"\u{301} x=\\: \(shown)\"\u{301} x=\\ "
            + "job.id=\"\(shown)\\\"\u{301} x=\\\\\"\n"
        #expect(Array(text.utf8) == Array(expected.utf8))
    }

    @Test("as JSON has no raw separator of lines in it, and says the same")
    func hostileJSON() throws {
        let text = Self.line(Self.hostile).rendered(as: .json)
        #expect(text.unicodeScalars.dropLast().allSatisfy { $0.isShown } && text.unicodeScalars.last == "\n")
        let object = try JSONValue(parsing: Array(text.utf8)).objectValue
        #expect(object?["job.id"]?.stringValue.map { Array($0.utf8) } == Array(Self.hostile.utf8))
    }

    @Test("is not endless", arguments: [Settings.LogFormat.text, .json])
    func bounded(_ format: Settings.LogFormat) {
        let line = Self.line("x" + String(repeating: "\u{301}", count: 1 << 20))
        var short = line
        short.process = "p"
        #expect(short.rendered(as: format).utf8.count < LogLine.maximumMessage + LogLine.maximumField + 200)
    }

    @Test("as JSON is one object, in which no field hides a fixed one")
    func json() throws {
        let text = line.rendered(as: .json)
        #expect(text.hasSuffix("}\n") && text.dropLast().allSatisfy { $0 != "\n" })
        let object = try JSONValue(parsing: Array(text.utf8)).objectValue
        #expect(
            object == [
                "time": "1970-01-01T00:00:00.000Z", "level": "info", "process": "process.video.1",
                "message": "took\n\"it\"", "job.id": "a b", "file.bytes": 7, "level_": "x",
            ]
        )
    }
}

@Suite("A number in the log")
struct LogNumberTests {
    private func value(_ key: String, _ text: String) throws -> JSONValue? {
        let line = LogLine(time: Date(), level: "info", process: "p", message: "m", fields: [key: text])
        return try JSONValue(parsing: Array(line.rendered(as: .json).utf8)).objectValue?[ByteText(key)]
    }

    @Test(
        "is one in JSON",
        arguments: [
            ("file.bytes", "7", JSONValue.integer(7)), ("input.bytes", "9223372036854775807", .integer(.max)),
            ("duration.ms", "0.25", .double(0.25)), ("duration.ms", "1e-05", .double(0.00001)),
            ("job.attempt.limit", "5", .integer(5)), ("process.id", "12", .integer(12)), ("failures", "0", .integer(0)),
            ("disk.used.percent", "-1", .integer(-1)),
        ]
    )
    func numbers(key: String, text: String, expected: JSONValue) throws { #expect(try value(key, text) == expected) }

    @Test(
        "is none in a field that holds text, or where it is no number",
        arguments: [
            ("job.id", "7"), ("cause", "12"), ("bytes.of", "1"), ("file.bytes", "many"), ("file.bytes", ""),
            ("duration.ms", "nan"), ("duration.ms", "inf"), ("duration.ms", "0x1"), ("duration.ms", "1e999"),
            ("duration.ms", "--1"), ("file.bytes", "\u{0661}"),
        ]
    )
    func texts(key: String, text: String) throws { #expect(try value(key, text) == .string(text)) }
}

@Suite("The log leaves out")
struct LogRedactionTests {
    @Test(
        "credentials in URLs and headers",
        arguments: [
            ("amqp://user:pass@host:5672/vhost", "amqp://user:***@host:5672/vhost"),
            ("amqps://user:a/b@c@host/", "amqps://user:***@host/"),
            ("see https://joe:pw@example.org/a.mp4, then", "see https://joe:***@example.org/a.mp4, then"),
            ("https://ghp_0123@example.org/x", "https://***@example.org/x"),
            ("https://x.org/image@2x.jpg", "https://x.org/image@2x.jpg"),
            // A password that is not encoded.
            ("of s3://AKIA:wJalr/RET@media/up.jpg.", "of s3://AKIA:***@media/up.jpg."),
            ("s3://AKIA:12/RET@media/up.jpg", "s3://AKIA:***@media/up.jpg"),
            ("https://joe:pa?ss@x.org/a", "https://joe:***@x.org/a"),
            ("https:/joe:pw@x.org/a", "https:/joe:***@x.org/a"),
            ("https://x.org/https://joe:pw@y.org", "https://x.org/https:***@y.org"),
            ("file:///srv/a:b@c.mp4", "file:///srv/a:b@c.mp4"),
            ("http://[::1]:80/a@b", "http://[::1]:80/a@b"),
            (
                "https://b.s3.org/k?X-Amz-Expires=60&X-Amz-Signature=0f&X-Amz-Credential=AK%2F1#f",
                "https://b.s3.org/k?X-Amz-Expires=60&X-Amz-Signature=***&X-Amz-Credential=***"
            ),
            ("https://x.org/?sig=a&monkey=b&key=c", "https://x.org/?sig=***&monkey=b&key=***"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("bEARER abc, and bearer def", "bEARER ***, and bearer ***"),
            // A mark makes one character of a separator and itself; the secret is where the bytes are.
            ("amqp:/\u{2F}\u{301}user:pass@h", "amqp:/\u{2F}\u{301}user:***@h"),
            ("nothing of interest: a@b", "nothing of interest: a@b"),
            ("", ""),
        ]
    )
    func patterns(text: String, expected: String) {
        #expect(LogRedaction()(text) == expected)
    }

    @Test("secrets of the settings wherever they stand, a broker's password among them")
    func secrets() throws {
        let settings = try Settings.from([
            "RABBITMQ_URL": "amqp://media:correct-horse@broker/", "ALERT_WEBHOOK_URL": "https://hooks.org/T0/B0/tail",
        ])
        let redaction = LogRedaction(secrets: settings.secrets)
        #expect(redaction("login with correct-horse failed") == "login with *** failed")
        #expect(redaction("calling https://hooks.org/T0/B0/tail now") == "calling *** now")
        #expect(!redaction("\(settings)").contains("correct-horse"))
    }

    @Test("the passwords of all nodes of a broker")
    func severalNodes() throws {
        let settings = try Settings.from([
            "RABBITMQ_URL": "amqp://media:correct-horse@one,amqps://media:battery-staple@two/v"
        ])
        let redaction = LogRedaction(secrets: settings.secrets)
        #expect(redaction("neither correct-horse nor battery-staple") == "neither *** nor ***")
        let text = redaction("amqp://media:correct-horse@one and amqps://media:battery-staple@two/v")
        #expect(!text.contains("horse") && !text.contains("staple"))
    }
}
