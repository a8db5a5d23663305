import Testing

@testable import Storage

@Suite("Documents of XML from stores")
struct XMLDocumentTests {
    private func root(_ text: String) throws(XMLDocument.Problem) -> XMLElement {
        try XMLDocument.root(of: Array(text.utf8))
    }

    @Test("are read with namespaces, attributes, comments, entities and CDATA, and with white space before them")
    func reading() throws {
        let root = try root(
            """
              \n<?xml version="1.0" encoding="UTF-8"?>
            <!-- a > b --><s3:List xmlns:s3="http://x/?a=1&amp;b" a='">'>
              <Key>a&amp;b &lt;&#x65;&#769;&gt; &quot;&apos;</Key><Key/><Empty></Empty>
              <Deep><Number>17</Number>more</Deep><Raw><![CDATA[<&]]></Raw>
            </s3:List>
            """
        )
        #expect(root.isNamed("List") && root.children("Key").count == 2)
        #expect(root["Key"]?.text == Array("a&b <e\u{301}> \"'".utf8))
        #expect(root["Empty"]?.text == [] && root["None"] == nil)
        #expect(root["Deep"]?["Number"]?.integer == 17 && root["Deep"]?.string == "more")
        #expect(root["Raw"]?.string == "<&")
    }

    @Test(
        "that are none are refused, each with its reason, and nothing expands",
        arguments: [
            ("", .malformed), ("text", .malformed), ("<a>", .malformed), ("<a></b>", .malformed),
            ("<a/><b/>", .malformed),
            ("<a", .malformed), ("<a b>", .malformed), ("<a b=c/>", .malformed), ("<a b='", .malformed),
            ("</a>", .malformed),
            ("<a>&amp</a>", .malformed), ("<>", .malformed), ("<!-- ", .malformed), ("<a/>x", .malformed),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", .documentType), ("<a>&b;</a>", .unknownEntity),
            ("<a>&#xD800;</a>", .unknownEntity), ("<a>&#x110000;</a>", .unknownEntity), ("<a>&#;</a>", .unknownEntity),
            (String(repeating: "<a>", count: 17), .tooDeep),
            ("<a>" + String(repeating: "<b/>", count: 100_000) + "</a>", .tooManyElements),
        ] as [(String, XMLDocument.Problem)]
    )
    func refusal(text: String, problem: XMLDocument.Problem) {
        #expect(throws: problem) { try root(text) }
    }

    @Test("cut anywhere, or with any byte changed, trap nothing")
    func anyBytes() throws {
        let text = Array("<?xml?><a x='1'><!--c--><b>&#65;&lt;</b><![CDATA[d]]><c/></a>".utf8)
        var read = 0
        for end in 0...text.count where (try? XMLDocument.root(of: Array(text[..<end]))) != nil { read += 1 }
        #expect(read == 1)
        for index in text.indices {
            for byte in [0, 0x26, 0x3C, 0x3E, 0x2F, 0x21, 0xFF] as [UInt8] {
                var other = text
                other[index] = byte
                _ = try? XMLDocument.root(of: other)
            }
        }
    }
}
