import Testing

@testable import HTTPClient

@Suite("The head of a response")
struct HeadReaderTests {
    private func read(_ lines: [String], _ limits: WebResponseLimits = .init()) throws -> (WebHeaders, complete: [Bool])
    {
        var reader = HeadReader(limits: limits)
        let complete = try lines.map { line in
            try Array((line + "\r\n").utf8).withUnsafeBytes { try reader.take($0) }
        }
        return (reader.headers, complete)
    }

    @Test("is complete at the empty line, once for each response")
    func complete() throws {
        let (headers, complete) = try read(["HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "A: b", "", "Trailer: c"])
        #expect(complete == [false, true, false, false, true, false])
        #expect(headers == ["A": "b"])
    }

    @Test("takes folded lines, fields without a value, and leaves out lines that are no fields")
    func fields() throws {
        let (headers, _) = try read(["HTTP/1.1 200 OK", "A:", "B:  b\t", "\t folded ", "no field", "C: HTTP/1.1"])
        #expect(headers == ["A": "", "B": "b folded", "C": "HTTP/1.1"])
    }

    @Test("has values that are no UTF-8")
    func bytes() throws {
        var reader = HeadReader(limits: .init())
        for line in [Array("HTTP/1.1 200 OK\r\n".utf8), Array("A: ".utf8) + [0xff, 0x00] + Array("\r\n".utf8)] {
            _ = try line.withUnsafeBytes { try reader.take($0) }
        }
        #expect(reader.headers["a"] == [0xff, 0x00])
    }

    @Test("is bounded in bytes and in fields, over all responses together")
    func bounds() throws {
        let lines = ["HTTP/1.1 103 Early Hints", "A: b", "", "HTTP/1.1 200 OK", "A: b", ""]
        let bytes = lines.reduce(0) { $0 + $1.utf8.count + 2 }
        #expect(try read(lines, .init(headerBytes: bytes, headerFields: 2)).complete.last == true)
        #expect(throws: HeadReader.Refusal.tooManyBytes) { try read(lines, .init(headerBytes: bytes - 1)) }
        #expect(throws: HeadReader.Refusal.tooManyFields) { try read(lines, .init(headerFields: 1)) }
    }
}
