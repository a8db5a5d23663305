import Images
import Testing

@Suite struct BadInputTests {
    @Test func anEmptyFileIsRefused() throws {
        let lab = try Lab()
        try lab.write([], "p.jpg")
        let error = try imageError { _ = try lab.convert("p.jpg") }
        #expect(error.code == .emptyInput)
        #expect(error.message == "the image file is empty (0 bytes)")
        #expect(!error.isRetriable)
    }

    @Test func aMissingFileIsToldApartFromABadOne() throws {
        let lab = try Lab()
        let error = try imageError { _ = try lab.convert("none.jpg") }
        #expect(error.code == .inputUnreadable)
        #expect(error.systemError == 2)
        #expect(error.isRetriable)
    }

    @Test(arguments: ["mkdir p", "mkfifo p"])
    func whatIsNoRegularFileIsRefusedAtOnce(script: String) throws {
        let lab = try Lab()
        try lab.shell(script)
        let error = try imageError { _ = try lab.convert("p") }
        #expect(error.code == .inputUnreadable)
        #expect(!error.isRetriable)
    }

    @Test(arguments: [
        ("this is text\n", "text"),
        ("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>", "SVG"),
        ("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\"/>", "SVG"),
        ("%PDF-1.4\n1 0 obj\n", "PDF"),
        ("push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'url(http://localhost/)'\n", "MVG"),
        ("viewbox 0 0 9 9\n", "MVG"),
        ("P6\n1 1\n255\nabc", "text"),
        ("BMxxxxxxxxxxxxxxxxxx", "BMP"),
        ("\u{0}\u{0}\u{0}\u{14}ftypisom\u{0}\u{0}\u{0}\u{0}isom", "video"),
        ("\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}", "no known image format"),
    ])
    func otherFormatsAreRefusedByTheirContent(content: String, name: String) throws {
        let lab = try Lab()
        try lab.write(content.utf8, "p.jpg")
        let error = try imageError { _ = try lab.convert("p.jpg") }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains(name), "\(error.message)")
        #expect(error.message.contains("accepted are JPEG"))
        #expect(!error.isRetriable)
    }

    @Test(arguments: ["jpg", "png", "webp", "heic", "avif", "gif", "tif"], [0.05, 0.5, 0.9])
    func aTruncatedFileIsADecodeError(fileExtension: String, part: Double) throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 300, height: 200).ppm, "p.ppm")
        try lab.encode("p.ppm", as: "whole.\(fileExtension)")
        let bytes = try lab.bytes("whole.\(fileExtension)")
        try lab.write(bytes.prefix(Int(Double(bytes.count) * part)), "p.\(fileExtension)")

        let error = try imageError { _ = try lab.convert("p.\(fileExtension)") }

        #expect(error.code == .decodeFailed)
        #expect(!error.isRetriable)
        #expect(error.message.contains("libvips: ") && !error.message.contains("no reason given"), "\(error.message)")
    }

    @Test func badDataThatTheDecoderGetsOverIsAccepted() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 300, height: 200).ppm, "p.ppm")
        try lab.shell("vips copy p.ppm whole.jpg")
        var bytes = try lab.bytes("whole.jpg")
        bytes.insert(contentsOf: [1, 2, 3, 4, 5, 6, 7], at: bytes.count - 2)
        try lab.write(bytes, "p.jpg")
        try lab.convert("p.jpg")
        #expect(try lab.raster("180p.jpg").quarters[0].isNear(.red))
    }

    @Test func bytesAfterTheEndAreIgnored() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 300, height: 200).ppm, "p.ppm")
        try lab.shell("vips copy p.ppm whole.jpg")
        try lab.write(lab.bytes("whole.jpg") + [UInt8](repeating: 7, count: 5_000), "p.jpg")

        try lab.convert("p.jpg")

        #expect(try lab.raster("180p.jpg").quarters[3].isNear(.white))
    }

    @Test(arguments: [(100_000, 100_000), (65_501, 1), (20_000, 20_000), (0, 5)])
    func aHeaderThatClaimsTooMuchIsRefusedAtOnce(width: Int, height: Int) throws {
        let lab = try Lab()
        try lab.write(Fixtures.png(claiming: width, height), "p.png")
        let error = try imageError { _ = try lab.convert("p.png") }
        // A picture that was decoded first would fail for its missing pixels instead.
        #expect(error.code == (width == 0 ? .decodeFailed : .limitExceeded))
        #expect(!error.isRetriable)
        if width > 0 { #expect(error.message.contains("\(width)×\(height)"), "\(error.message)") }
    }

    @Test func theLimitNamesItself() throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.red, width: 101, height: 100).ppm, "p.ppm")
        try lab.shell("vips copy p.ppm p.jpg")
        var profile = ImageProfile.default

        profile.limits.maxPixels = 10_000
        let pixels = try imageError { _ = try lab.convert("p.jpg", profile) }
        #expect(
            pixels.message
                == "the image is 101×100 pixels, and the most allowed is 10000 pixels in all (IMAGE_MAX_MEGAPIXELS)"
        )

        profile.limits = ImageLimits(maxSide: 100)
        let side = try imageError { _ = try lab.convert("p.jpg", profile) }
        #expect(side.message == "the image is 101×100 pixels, and the longest side allowed is 100 pixels")
    }

    @Test(arguments: ["jpg", "png", "webp", "heic", "avif", "gif", "tif"])
    func damagedFilesNeverHarmTheProcess(fileExtension: String) throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 48, height: 40).ppm, "p.ppm")
        try lab.encode("p.ppm", as: "whole.\(fileExtension)")
        let whole = try lab.bytes("whole.\(fileExtension)")
        // A limit on the pixels bounds the time, as a mutation of the size would else be honoured.
        var profile = ImageProfile(variants: [.init(quality: "a", side: 40), .init(quality: "b", side: 9)])
        profile.limits = ImageLimits(maxPixels: 1 << 20, maxSide: 4_096)
        var random = SeededGenerator(state: 0x5EED)
        for _ in 0..<150 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                // Structure is at the front.
                let target = Bool.random(using: &random) ? index : index % min(bytes.count, 256)
                bytes[target] = UInt8.random(in: 0...255, using: &random)
            }
            if Int.random(in: 0..<6, using: &random) == 0 {
                bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
            }
            try lab.write(bytes, "p")
            do {
                try lab.convert("p", profile)
            } catch let error as ImageError {
                #expect(!error.message.isEmpty)
                #expect(!error.isRetriable, "\(error)")
            }
        }
    }

    @Test func randomBytesBehindAGoodMarkAreRefused() throws {
        let lab = try Lab()
        var random = SeededGenerator(state: 7)
        let marks: [[UInt8]] = [
            [0xFF, 0xD8, 0xFF, 0xE0], [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], Array("GIF89a".utf8),
            Array("RIFF\u{10}\u{0}\u{0}\u{0}WEBPVP8 ".utf8), [0x49, 0x49, 42, 0],
            [0, 0, 0, 24] + Array("ftypheic\u{0}\u{0}\u{0}\u{0}mif1heic".utf8),
        ]
        for mark in marks {
            try lab.write(mark + (0..<2_000).map { _ in UInt8.random(in: 0...255, using: &random) }, "p")
            let error = try imageError { _ = try lab.convert("p") }
            #expect([.decodeFailed, .limitExceeded].contains(error.code), "\(mark): \(error)")
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
