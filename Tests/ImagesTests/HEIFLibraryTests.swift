import Testing

@testable import Images

@Suite struct HEIFLibraryTests {
    @Test(arguments: [
        "heif: Invalid input: Unspecified: Metadata not correctly assigned to image (2.0)",
        "heif: Invalid input: Unspecified: Too many auxiliary image references (2.0)",
    ])
    func anOldLibraryIsNamedAsTheCause(words: String) {
        let remedy = HEIFLibrary.remedy(for: words, version: "1.15.1")
        #expect(remedy?.contains("this host has 1.15.1") == true)
        #expect(remedy?.contains("needs libheif 1.19") == true)
        #expect(remedy?.contains("bookworm-backports") == true)
        #expect(HEIFLibrary.remedy(for: words, version: "1.19.7") == nil)
    }

    @Test func aDecoderThatIsNotThereIsNamedAsTheCause() {
        let words = "heif: Unsupported feature: Unsupported codec (4.3000)"
        #expect(HEIFLibrary.remedy(for: words, version: "1.19.7")?.contains("libheif-plugin-libde265") == true)
    }

    @Test func thisHostReadsBoth() throws {
        try ImageRuntime.start()
        let version = ImageCapabilities.heifVersion
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        #expect(!parts.lexicographicallyPrecedes(HEIFLibrary.neededVersion), "libheif is \(version)")
        #expect(HEIFLibrary.decodedFormats == ["heic", "avif"])
    }
}
