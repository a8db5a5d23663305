import Foundation
import JobModel
import Testing

@Suite("Text of others")
struct ByteTextTests {
    @Test("is what its bytes are: composed and decomposed letters are two texts")
    func bytes() {
        let (composed, decomposed): (ByteText, ByteText) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed.string == decomposed.string)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect([composed: 1, decomposed: 2].count == 2)
        #expect((composed < decomposed) != (decomposed < composed))
        #expect(Set([JobKey(kind: .image, id: composed), JobKey(kind: .image, id: decomposed)]).count == 2)
    }

    @Test("is compared and hashed in a time that goes with its length", .timeLimit(.minutes(1)))
    func marks() {
        // Normalised, either takes minutes.
        let marks = String(repeating: "\u{301}", count: 120_000) + String(repeating: "\u{316}", count: 120_000)
        let texts = (0..<20).map { ByteText("\($0)" + marks) }
        #expect(Set(texts).count == 20)
        #expect(texts.sorted() == texts.sorted())
    }

    @Test("is coded as a string, also as a name in an object")
    func coding() throws {
        let names: [ByteText: Int] = ["a": 1]
        #expect(String(decoding: try JSONEncoder().encode(names), as: UTF8.self) == #"{"a":1}"#)
        #expect(try JSONDecoder().decode([ByteText: ByteText].self, from: Data(#"{"a":"b"}"#.utf8)) == ["a": "b"])
    }
}
