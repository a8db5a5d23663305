import Testing
import Text

@Suite("Text of URLs and of the system")
struct TextTests {
    @Test("Percent-coding goes there and back")
    func percentCoding() {
        let text = "a/b c%ü?#&~"
        #expect(PercentCoding.encode(text) == "a%2Fb%20c%25%C3%BC%3F%23%26~")
        #expect(PercentCoding.decode(PercentCoding.encode(text)) == text)
        #expect(PercentCoding.encode("/a b/", keeping: "/") == "/a%20b/")
        for broken in ["%", "%4", "%zz", "%FF"] { #expect(PercentCoding.decode(broken) == nil) }
    }

    @Test("Percent-decoding is by bytes: it makes no text of what is none")
    func bytes() {
        #expect(PercentCoding.decodedBytes("a%FF%00".utf8) == [0x61, 0xFF, 0])
        #expect(PercentCoding.decode("a%FF".utf8) == nil)
        // A combining mark after the sign is a character with it to Swift, and two characters to whoever wrote the URL.
        #expect(PercentCoding.decode("%\u{301}41") == nil)
    }

    @Test("An errno has the system's words and its number")
    func systemError() {
        #expect(systemMessage(2) == "No such file or directory (errno 2)")
        #expect(systemWords(2) == "No such file or directory")
    }
}
