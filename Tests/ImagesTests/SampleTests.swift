import Images
import Testing

/// Samples of 32 bits, floating ones, and bands that are no colour.
@Suite struct SampleTests {
    private static let picture = Raster.corners(width: 120, height: 90)

    @Test(arguments: ["float", "uint"])
    func samplesOfThirtyTwoBitsAreScaled(format: String) throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        let script =
            format == "uint"
            ? "vips linear p.ppm f.v 16843009 0; vips cast f.v u.v uint; vips tiffsave u.v p.tif"
            : "vips colourspace p.ppm f.v scrgb; vips cast f.v g.v \(format); vips tiffsave g.v p.tif"
        try lab.shell(script)

        try lab.convert("p.tif")

        for (found, expected) in zip(try lab.raster("180p.jpg").quarters, Self.picture.quarters) {
            #expect(found.isNear(expected, within: 12), "\(found)")
        }
    }

    @Test(arguments: ["float", "uint"])
    func alphaOfThirtyTwoBitsIsScaled(format: String) throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.orange).ppm, "p.ppm")
        let most = format == "uint" ? "4294967295" : "1"
        try lab.shell(
            (format == "uint"
                ? "vips linear p.ppm f.v 16843009 0; vips cast f.v c.v uint; "
                : "vips colourspace p.ppm c.v scrgb; ")
                + "vips black a.v 64 48; vips linear a.v b.v 1 \(most); vips cast b.v m.v \(format); "
                + "vips bandjoin 'c.v m.v' all.v; vips copy all.v p.tif[compression=none]"
        )

        let conversion = try lab.convert("p.tif")

        #expect(conversion.metadata.hasAlpha)
        #expect(!conversion.metadata.hasTransparency)
        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(.orange, within: 8), "\(found)")
    }

    @Test func floatingGreyIsLight() throws {
        let lab = try Lab()
        // Linear light of the grey 128.
        try lab.shell(
            "vips black a.v 64 48; vips linear a.v b.v 1 0.2159; vips cast b.v c.v float; vips tiffsave c.v p.tif"
        )
        try lab.convert("p.tif")
        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(.grey, within: 3), "\(found)")
    }

    @Test(arguments: ["float 0 4000", "int 0 7", "short 0 7"])
    func samplesWithoutAKnownRangeAreRefused(kind: String) throws {
        let lab = try Lab()
        let words = kind.split(separator: " ")
        try lab.shell(
            "vips black a.v 64 48; vips linear a.v b.v 1 \(words[2]); vips cast b.v c.v \(words[0]); "
                + "vips tiffsave c.v p.tif"
        )
        let error = try imageError { _ = try lab.convert("p.tif") }
        #expect(error.code == .unsupportedFormat)
        #expect(error.message.contains("8 or 16 bits"), "\(error.message)")
    }

    @Test func bandsBehindTheColoursAreLeftOut() throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.shell(
            "vips black n.v 120 90 --bands 9; vips linear n.v m.v 1 255; vips cast m.v w.v uchar; "
                + "vips bandjoin 'p.ppm w.v' all.v; vips copy all.v p.tif"
        )

        let conversion = try lab.convert("p.tif")

        #expect(conversion.result.outputs[0].mimeType == "image/jpeg")
        for (found, expected) in zip(try lab.raster("180p.jpg").quarters, Self.picture.quarters) {
            #expect(found.isNear(expected), "\(found)")
        }
    }

    @Test func bytesOfAllBandsAreLimited() throws {
        let lab = try Lab()
        try lab.shell("vips black p.tif 400 300 --bands 200")
        var profile = ImageProfile.default
        // Its pixels are well within, its 24 MB of samples are not.
        profile.limits.maxPixels = 200_000
        let error = try imageError { _ = try lab.convert("p.tif", profile) }
        #expect(error.code == .limitExceeded)
        #expect(error.message.contains("23 MB of samples (400×300 pixels × 200 bands × 1 byte)"), "\(error.message)")
        #expect(error.message.contains("IMAGE_MAX_MEGAPIXELS"))
    }
}
