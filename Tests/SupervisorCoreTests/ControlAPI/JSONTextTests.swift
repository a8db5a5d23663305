import JobModel
import Testing

@testable import SupervisorCore

struct JSONTextTests {
    @Test("Characters that a person does not see are escaped in a document, and mean the same")
    func unshown() throws {
        let text = "a\u{202E}b\u{2028}\u{9B}\u{7F}é✓\u{E0001}😀\"\n"
        let document = try JSONText.encode(["text": text])
        let shown = #"{"text":"a\u202eb\u2028\u009b\u007fé✓\udb40\udc01😀\"\n"}"#
        #expect(String(decoding: document, as: UTF8.self) == shown)
        #expect(try JSONText.decode([String: String].self, from: document) == ["text": text])
    }

    @Test("A document for people keeps its lines")
    func pretty() throws {
        let document = try JSONText.encode(["a": "\u{202E}"], isPretty: true)
        #expect(String(decoding: document, as: UTF8.self) == "{\n  \"a\" : \"\\u202e\"\n}")
    }
}
