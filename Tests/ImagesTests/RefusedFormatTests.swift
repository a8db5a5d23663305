import Images
import Testing

@Suite struct RefusedFormatTests {
    /// Each script makes `p`; a format that is not read is refused by its name.
    @Test(arguments: [
        ("ffmpeg -v error -i p.png -pix_fmt bgr24 x.bmp; mv x.bmp p", "a BMP file"),
        ("printf '\\0\\0\\1\\0\\1\\0\\20\\20\\0\\0\\1\\0\\40\\0' > p", "an icon (ICO)"),
        ("printf '\\0\\0\\2\\0\\1\\0\\20\\20' > p", "a cursor (CUR)"),
        ("printf '\\n<!-- a -->\\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>' > p", "an SVG file"),
        ("printf '<?xml version=\"1.0\"?>\\n<!DOCTYPE svg PUBLIC \"x\">\\n<svg width=\"9\"/>' > p", "an SVG file"),
        ("printf '8BPS\\0\\1' > p", "a Photoshop file (PSD)"),
        ("printf '%%!PS-Adobe-3.0 EPSF-3.0\\n' > p", "a PostScript file (EPS)"),
        ("printf '\\305\\320\\323\\306\\40\\0\\0\\0' > p", "a PostScript file (EPS)"),
        ("ffmpeg -v error -i p.png -c:v jpeg2000 -f image2 x.jp2; mv x.jp2 p", "a JPEG 2000 file"),
        ("ffmpeg -v error -i p.png -pix_fmt gbrpf32le x.exr; mv x.exr p", "an OpenEXR file"),
        ("printf 'DDS \\174\\0\\0\\0' > p", "a DirectDraw surface (DDS)"),
        ("printf '#?RADIANCE\\n' > p", "a Radiance file (HDR)"),
        ("printf 'gimp xcf v011\\0' > p", "a GIMP file (XCF)"),
        ("printf '<svg/>' | gzip > p", "a file packed with gzip"),
        ("ffmpeg -v error -i p.png -c:v ljpeg -pix_fmt bgr24 -f image2 x.jpg; mv x.jpg p", "a lossless JPEG"),
        ("printf 'FOVb\\0\\0\\3\\0' > p", "camera raw file (X3F)"),
    ])
    func theFormatIsNamed(script: String, name: String) throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 64, height: 48).ppm, "p.ppm")
        try lab.shell("vips copy p.ppm p.png; \(script)")
        let error = try imageError { _ = try lab.convert("p") }
        #expect(error.code == .unsupportedFormat)
        #expect(!error.isRetriable)
        #expect(error.message.contains(name), "\(error.message)")
        #expect(error.message.contains("accepted are JPEG, PNG"))
    }

    @Test func applesPNGIsNamed() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 64, height: 48).ppm, "p.ppm")
        try lab.shell("vips copy p.ppm p.png")
        let png = try lab.bytes("p.png")
        try lab.write(png[..<8] + Fixtures.pngChunk("CgBI", [0x50, 0, 0x20, 2]) + png[8...], "q.png")
        let error = try imageError { _ = try lab.convert("q.png") }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains("(CgBI)"), "\(error.message)")
    }

    /// Without compression by JPEG, libvips reads none with subsampled colours.
    @Test func aSubsampledTIFFIsNamed() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 64, height: 48).ppm, "p.ppm")
        try lab.shell("ffmpeg -v error -i p.ppm -pix_fmt yuv420p -compression_algo raw p.tif")
        let error = try imageError { _ = try lab.convert("p.tif") }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains("TIFF with subsampled colours"), "\(error.message)")
    }

    @Test func aFormatThatIsNotOnTheListIsRefusedBeforeItIsOpened() throws {
        let lab = try Lab()
        // Only the mark: whoever opened it would find it damaged.
        try lab.write(Array("GIF89a".utf8), "p.gif")
        var profile = ImageProfile.default
        #expect(try imageError { _ = try lab.convert("p.gif", profile) }.code == .decodeFailed)
        profile.policy.formats.remove(.gif)
        let error = try imageError { _ = try lab.convert("p.gif", profile) }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains("a GIF file; accepted are JPEG, PNG, WebP"), "\(error.message)")
        #expect(error.message.contains("IMAGE_FORMATS"))
    }

    @Test func aFormatCanBeAdded() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 64, height: 48).ppm, "p.ppm")
        var profile = ImageProfile.default
        profile.policy.formats.insert(.pnm)
        #expect(try lab.convert("p.ppm", profile).metadata.format == "pnm")
        #expect(try lab.raster("180p.jpg").quarters[1].isNear(.green))
        profile.policy.formats.insert(.svg)
        try lab.write(
            Array(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"30\"><rect width=\"40\" height=\"30\" "
                    .utf8
            ) + Array("fill=\"#00ff00\"/></svg>".utf8),
            "p.svg"
        )
        #expect(try lab.convert("p.svg", profile).metadata.format == "svg")
        #expect(try lab.raster("180p.jpg").middle.isNear(.green))
    }
}
