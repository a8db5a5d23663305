import Images
import Testing

@Suite struct ColourTests {
    /// Each row makes its file from `flat.png`, a picture of sRGB colours.
    struct Source: CustomStringConvertible, Sendable {
        var description: String
        var script: String
        var file: String
        var colorSpace: String
        var tolerance = 6
    }

    static let sources = [
        Source(
            description: "untagged sRGB",
            script: "vips jpegsave flat.png p.jpg --strip",
            file: "p.jpg",
            colorSpace: "srgb"
        ),
        Source(
            description: "Display P3 JPEG",
            script: "vips icc_transform flat.png p.jpg[Q=98] p3 --input-profile srgb",
            file: "p.jpg",
            colorSpace: "srgb"
        ),
        Source(
            description: "Adobe RGB JPEG",
            script: "vips icc_transform flat.png p.jpg[Q=98] adobe.icc --input-profile srgb",
            file: "p.jpg",
            colorSpace: "srgb"
        ),
        Source(
            description: "Adobe RGB 16-bit PNG",
            script: "vips icc_transform flat.png p.png adobe.icc --input-profile srgb --depth 16",
            file: "p.png",
            colorSpace: "rgb16"
        ),
        Source(
            description: "exchanged primaries PNG",
            script: "vips icc_transform flat.png p.png swapped.icc --input-profile srgb",
            file: "p.png",
            colorSpace: "srgb"
        ),
        Source(
            description: "untagged 16-bit PNG",
            script: "vips colourspace flat.png p.png rgb16",
            file: "p.png",
            colorSpace: "rgb16"
        ),
        Source(
            description: "CMYK JPEG with profile",
            script: "vips icc_transform flat.png p.jpg[Q=98] cmyk --input-profile srgb",
            file: "p.jpg",
            colorSpace: "cmyk",
            tolerance: 20
        ),
        Source(
            description: "CMYK JPEG without profile",
            script: "vips icc_transform flat.png c.v cmyk --input-profile srgb; vips jpegsave c.v p.jpg --Q 98 --strip",
            file: "p.jpg",
            colorSpace: "cmyk",
            tolerance: 20
        ),
        Source(
            description: "CMYK TIFF with profile",
            script: "vips icc_transform flat.png p.tif cmyk --input-profile srgb",
            file: "p.tif",
            colorSpace: "cmyk",
            tolerance: 20
        ),
        Source(
            description: "Lab TIFF",
            script: "vips colourspace flat.png p.tif lab",
            file: "p.tif",
            colorSpace: "lab"
        ),
    ]

    @Test(arguments: sources)
    func colourSurvivesAsSRGB(source: Source) throws {
        let lab = try Lab()
        // Ink has no pure red, green or blue.
        let picture = source.colorSpace == "cmyk" ? Raster.flat(.orange) : Raster.corners(width: 400, height: 320)
        try lab.write(picture.ppm, "flat.ppm")
        try lab.write(Fixtures.adobeRGB, "adobe.icc")
        try lab.write(Fixtures.swapped, "swapped.icc")
        try lab.shell("vips pngsave flat.ppm flat.png; \(source.script)")

        let conversion = try lab.convert(source.file)

        #expect(conversion.metadata.colorSpace == source.colorSpace)
        #expect(!conversion.metadata.hasAlpha)
        for output in conversion.result.outputs {
            let found = try lab.raster(output.fileName).quarters
            for (found, expected) in zip(found, picture.quarters) {
                #expect(found.isNear(expected, within: source.tolerance), "\(output.fileName): \(found)")
            }
        }
    }

    @Test func theProfileIsReallyApplied() throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.orange).ppm, "flat.ppm")
        try lab.write(Fixtures.swapped, "swapped.icc")
        try lab.shell("vips pngsave flat.ppm p.png --profile swapped.icc")

        try lab.convert("p.png")

        let exchanged = Raster.Pixel(red: Raster.Pixel.orange.green, green: Raster.Pixel.orange.red, blue: 40)
        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(exchanged, within: 8), "\(found)")
    }

    @Test(arguments: ["vips colourspace grey.ppm p.png b-w", "vips colourspace grey.ppm p.png grey16"])
    func greyStaysGrey(script: String) throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.grey).ppm, "grey.ppm")
        try lab.shell(script)

        let conversion = try lab.convert("p.png")

        #expect(["b-w", "grey16"].contains(conversion.metadata.colorSpace))
        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(.grey, within: 3), "\(found)")
    }

    @Test func blackInkIsBlack() throws {
        let lab = try Lab()
        try lab.write(Raster.flat(Raster.Pixel(red: 0, green: 0, blue: 0)).ppm, "black.ppm")
        try lab.shell("vips icc_transform black.ppm p.jpg cmyk --input-profile srgb --black-point-compensation")

        try lab.convert("p.jpg")

        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(Raster.Pixel(red: 0, green: 0, blue: 0), within: 12), "\(found)")
    }

    /// An embedded profile that is cut short, for another kind of pixel, or only noise.
    @Test(arguments: ["cut", "cmyk", "noise", "hollow"])
    func aProfileThatCannotBeUsedIsIgnored(kind: String) throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.orange).ppm, "flat.ppm")
        let profile: [UInt8] =
            switch kind {
            case "cut": Array(Fixtures.swapped.prefix(200))
            case "noise": (0..<600).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            // The header and the table of contents are good, the colourants are not.
            case "hollow": Fixtures.swapped.prefix(260) + [UInt8](repeating: 0, count: Fixtures.swapped.count - 260)
            default: try cmykProfile(lab)
            }
        try lab.shell("vips jpegsave flat.ppm plain.jpg --Q 98 --strip")
        let content = Array("ICC_PROFILE\0".utf8) + [1, 1] + profile.prefix(60_000)
        let length = content.count + 2
        let jpeg = try lab.bytes("plain.jpg")
        let segment = [0xFF, 0xE2, UInt8(length >> 8), UInt8(length & 255)] + content
        try lab.write(jpeg[0..<2] + segment + jpeg[2...], "p.jpg")

        try lab.convert("p.jpg")

        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(.orange, within: 6), "\(found)")
    }

    private func cmykProfile(_ lab: Lab) throws -> [UInt8] {
        try lab.shell("vips icc_transform flat.ppm c.v cmyk --input-profile srgb")
        let profile = try lab.shell("vipsheader -f icc-profile-data c.v | base64 -d 2>/dev/null || true")
        return Array(profile)
    }
}
