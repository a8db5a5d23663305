import Files
import Testing

@Suite struct RelativePathTests {
    @Test(arguments: [
        ("", PathProblem.empty), ("/", .absolute), ("/a", .absolute), ("a/", .emptyPart), ("a//b", .emptyPart),
        (".", .dots), ("..", .dots), ("a/./b", .dots), ("a/..", .dots), ("../a", .dots), ("a\0b", .nul), ("\0", .nul),
        ("..\u{2F}\u{301}x", .dots), ("a\u{2F}\u{301}x/..\u{2F}\u{301}", .dots),
        (String(repeating: "é", count: 128), .longPart),
    ])
    func whatIsNoPathIsRefusedWithTheReason(_ text: String, _ expected: PathProblem) {
        let problem = #expect(throws: PathProblem.self) { try RelativePath(text) }
        #expect(problem == expected)
    }

    @Test(arguments: [
        ("a", nil, "a"), ("a/b/c", "a/b", "c"), ("...", nil, "..."), ("..a/b..", "..a", "b.."),
        ("a\u{2F}\u{301}x", "a", "\u{301}x"), ("a\n/b", "a\n", "b"),
        (String(repeating: "x", count: 255), nil, String(repeating: "x", count: 255)),
    ])
    func isCutAtEverySlash(_ text: String, _ parent: String?, _ name: String) throws {
        let path = try RelativePath(text)
        #expect(path.bytes.elementsEqual(text.utf8))
        #expect(path.parent.map { Array($0.bytes) } == parent.map { Array($0.utf8) })
        #expect(path.name.bytes.elementsEqual(name.utf8))
        let again = path.parent?.appending(path.name) ?? RelativePath(path.name)
        #expect(again == path)
    }

    @Test func parentsAreOutermostFirst() throws {
        let path = try RelativePath("a/b/\u{301}c/d")
        #expect(path.parents.map { Array($0.bytes) } == ["a", "a/b", "a/b/\u{301}c"].map { Array($0.utf8) })
        #expect(path.parents.map(\.name.text) == ["a", "b", "\u{301}c"])
        #expect(path.depth == 4)
    }

    @Test func pathsAreComparedByTheirBytes() throws {
        #expect(try RelativePath("caf\u{E9}") != RelativePath("cafe\u{301}"))
        #expect(try EntryName("caf\u{E9}") != EntryName("cafe\u{301}"))
    }

    @Test(arguments: ["", "a/b", "a/\u{301}b", "/", "a\0", ".", "..", String(repeating: "x", count: 256)])
    func whatIsNotOneNameIsRefused(_ text: String) {
        #expect(throws: PathProblem.self) { try EntryName(text) }
    }

    @Test func bytesThatAreNoTextAreAPath() throws {
        let path = try RelativePath([0xFF, 0x2F, 0xFE])
        #expect(path.name.bytes.elementsEqual([0xFE]))
    }
}
