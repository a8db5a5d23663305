import Images
import Testing

@Suite struct CameraRawTests {
    /// A JPEG of `width` × `height` without any metadata: red, green, blue, white.
    private func jpeg(_ lab: Lab, _ width: Int, _ height: Int) throws -> [UInt8] {
        try lab.write(Raster.corners(width: width, height: height).ppm, "j.ppm")
        try lab.shell("vips jpegsave j.ppm j.jpg --strip --Q 95")
        return try lab.bytes("j.jpg")
    }

    private func kinds(_ fixture: RawFixture) -> [(kind: String, bytes: [UInt8])] {
        func changed(_ change: (inout RawFixture) -> Void) -> [UInt8] {
            var other = fixture
            change(&other)
            return other.bytes
        }
        var canon = fixture.bytes
        canon.replaceSubrange(8..<11, with: [0x43, 0x52, 2])
        return [
            ("NEF", fixture.bytes), ("ARW", changed { $0.make = "SONY" }), ("DNG", changed { $0.isDNG = true }),
            ("ORF", changed { $0.mark = Array("IIRO".utf8) }), ("RW2", changed { $0.mark = Array("IIU\0".utf8) }),
            ("CR2", canon), ("RAF", fixture.raf), ("CR3", fixture.cr3),
        ]
    }

    @Test func aPreviewAsLargeAsThePictureIsShown() throws {
        let lab = try Lab()
        for (kind, bytes) in kinds(RawFixture(jpeg: try jpeg(lab, 630, 472))) {
            try lab.write(bytes, "p")
            let conversion = try lab.convert("p")
            #expect(conversion.metadata.format == kind.lowercased())
            #expect([conversion.metadata.width, conversion.metadata.height] == [630, 472], "\(kind)")
            #expect(conversion.result.warnings.map(\.code) == [.rawPreview])
            #expect(try lab.raster("360p.jpg").quarters[1].isNear(.green), "\(kind)")
        }
    }

    @Test func aSmallPreviewIsRefusedByTheKindsName() throws {
        let lab = try Lab()
        for (kind, bytes) in kinds(RawFixture(jpeg: try jpeg(lab, 320, 240))) {
            try lab.write(bytes, "p")
            let error = try imageError { _ = try lab.convert("p") }
            #expect(error.code == .unsupportedFormat)
            #expect(!error.isRetriable)
            #expect(error.message.contains("camera raw file (\(kind))"), "\(error.message)")
            #expect(error.message.contains("320×240") && error.message.contains("640"), "\(error.message)")
            #expect(error.message.contains("IMAGE_RAW_PREVIEW_PERCENT"))
        }
    }

    @Test func aRawFileWithoutAJPEGIsRefusedByTheKindsName() throws {
        let lab = try Lab()
        for (kind, bytes) in kinds(RawFixture()) {
            try lab.write(bytes, "p")
            let error = try imageError { _ = try lab.convert("p") }
            #expect(error.code == .unsupportedFormat)
            #expect(error.message.contains("camera raw file (\(kind))"), "\(error.message)")
        }
    }

    /// The JPEG has no EXIF of its own in files of Nikon, so the file's orientation counts.
    /// Each place would be followed to the end of the file, by way of all others.
    @Test("A file that is full of starts of JPEGs is refused after some looks", .timeLimit(.minutes(1)))
    func manyStarts() throws {
        let lab = try Lab()
        let start: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0x00, 0x02]
        for head in ["FOVb", "\n"] {
            try lab.write(Array(head.utf8) + (0..<1_000_000).flatMap { _ in start }, "p")
            #expect(try imageError { _ = try lab.convert("p") }.code == .unsupportedFormat)
        }
    }

    @Test(arguments: [3, 6, 8])
    func thePreviewIsTurnedByTheFilesOrientation(orientation: Int) throws {
        let lab = try Lab()
        let upright = Raster.corners(width: 480, height: 640)
        try lab.write(upright.stored(orientation: orientation).ppm, "j.ppm")
        try lab.shell("vips jpegsave j.ppm j.jpg --strip --Q 95")
        var fixture = RawFixture(jpeg: try lab.bytes("j.jpg"), orientation: orientation)
        if orientation == 3 { (fixture.width, fixture.height) = (480, 640) }
        try lab.write(fixture.bytes, "p")

        try lab.convert("p")

        let found = try lab.raster("360p.jpg")
        #expect(found.height > found.width)
        for (pixel, expected) in zip(found.quarters, upright.quarters) {
            #expect(pixel.isNear(expected), "\(found.quarters)")
        }
    }

    @Test func rawFilesCanBeRefused() throws {
        let lab = try Lab()
        try lab.write(RawFixture(jpeg: try jpeg(lab, 640, 480)).bytes, "p")
        var profile = ImageProfile.default
        profile.policy.formats.remove(.raw)
        let error = try imageError { _ = try lab.convert("p", profile) }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains("camera raw file (NEF)"), "\(error.message)")
    }

    @Test func aTIFFOfSeveralSizesIsNoRawFile() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 640, height: 480).ppm, "p.ppm")
        try lab.shell("vips tiffsave p.ppm p.tif --tile --pyramid --subifd --compression deflate")
        #expect(try lab.convert("p.tif").metadata.format == "tiff")
    }
}
