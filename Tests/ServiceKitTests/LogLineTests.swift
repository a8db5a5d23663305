import Foundation
import JobModel
import Testing

@testable import ServiceKit

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
                == "1970-01-01T00:00:00.000Z info     process.video.1: took\\n\"it\" file.bytes=7 job.id=\"a b\" level=x\n"
        )
    }

    @Test("as JSON is one object, in which no field hides a fixed one")
    func json() throws {
        let text = line.rendered(as: .json)
        #expect(text.hasSuffix("}\n") && text.dropLast().allSatisfy { $0 != "\n" })
        let object = try JSONValue(parsing: Array(text.utf8)).objectValue
        #expect(
            object == [
                "time": "1970-01-01T00:00:00.000Z", "level": "info", "process": "process.video.1",
                "message": "took\n\"it\"", "job.id": "a b", "file.bytes": "7", "level_": "x",
            ]
        )
    }
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
            (
                "https://b.s3.org/k?X-Amz-Expires=60&X-Amz-Signature=0f&X-Amz-Credential=AK%2F1#f",
                "https://b.s3.org/k?X-Amz-Expires=60&X-Amz-Signature=***&X-Amz-Credential=***"
            ),
            ("https://x.org/?sig=a&monkey=b&key=c", "https://x.org/?sig=***&monkey=b&key=***"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
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
