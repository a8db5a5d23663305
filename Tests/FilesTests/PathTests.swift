import Files
import Testing

@Suite struct PathTests {
    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a/b/c", "/a/", "b/c"), ("/a/b", "/", "a/b"), ("/a/é", "/a", "é"),
        ("/a", "/a", nil), ("/a/", "/a", nil), ("/ab/c", "/a", nil), ("/a/../b", "/a", nil), ("/a/./b", "/a", nil),
        ("/a//b", "/a", nil), ("a/b", "/a", nil), ("/a/b\0c", "/a", nil), ("", "/a", nil),
    ])
    func relativePathIsThatBeneathTheRootOrNone(_ path: String, _ root: String, _ expected: String?) {
        #expect(relativePath(path, beneath: root) == expected)
    }

    // To Swift `/` and a combining mark are one character; the kernel sees a separator.
    @Test func separatorBeforeACombiningMarkIsASeparator() {
        #expect(relativePath("/a/..\u{2F}\u{301}x", beneath: "/a") == nil)
        #expect(!isPlainRelativePath("..\u{2F}\u{301}x"))
        #expect(relativePath("/a\u{2F}\u{301}x", beneath: "/a") == "\u{301}x")
    }

    @Test(arguments: [
        ("/a/b", "/a"), ("/a", "/"), ("a/b", "a"), ("a", nil), ("/", nil), ("", nil), ("/a/\u{301}b", "/a"),
    ])
    func parentIsWhatHoldsTheLastComponent(_ path: String, _ expected: String?) {
        #expect(parentPath(path) == expected)
    }

    @Test func componentsAreCutAtEverySlash() {
        #expect(pathComponents("//a/\u{301}b/").map { Array($0.utf8) } == [Array("a".utf8), Array("\u{301}b".utf8)])
    }

    @Test(arguments: [
        ("/a/b.mp4", "b.mp4"), ("/a/b/", "b"), ("b", "b"), ("", ""), ("/", "/"), ("a/\u{301}b", "\u{301}b"),
    ])
    func baseNameIsTheLastComponent(_ path: String, _ expected: String) {
        #expect(baseName(path) == expected)
    }
}
