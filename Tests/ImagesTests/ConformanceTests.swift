import Images
import Testing

/// Kinds of pictures that people upload, against FFmpeg's reading of the picture that each was made of.
@Suite struct ConformanceTests {
    struct Kind: CustomStringConvertible, Sendable {
        var description: String
        /// Makes `p` of `base.png`, a picture of 160×120 pixels.
        var script: String
        var difference = 2.0
    }

    static let kinds = [
        Kind(description: "JPEG XL", script: "vips jxlsave base.png p --Q 95"),
        Kind(description: "JPEG XL, lossless", script: "vips jxlsave base.png p --lossless"),
        Kind(description: "HEIC", script: "heif-enc -q 95 -p chroma=444 base.png -o p.heic; mv p.heic p"),
        Kind(description: "AVIF", script: "heif-enc -A -q 95 -p chroma=444 base.png -o p.avif; mv p.avif p"),
        Kind(
            description: "HEIC with a profile of Display P3",
            script: "vips icc_transform base.png p3.png p3 --input-profile srgb; "
                + "heif-enc -q 95 -p chroma=444 p3.png -o p.heic; mv p.heic p"
        ),
        Kind(
            description: "JPEG with a profile of Display P3",
            script: "vips icc_transform base.png p3.jpg[Q=98,subsample-mode=off] p3 --input-profile srgb; mv p3.jpg p"
        ),
        Kind(
            description: "JPEG XL with a profile of Display P3",
            script: "vips icc_transform base.png p3.png p3 --input-profile srgb; vips jxlsave p3.png p --Q 95"
        ),
        Kind(description: "TIFF, floating light", script: "vips colourspace base.png f.v scrgb; vips tiffsave f.v p"),
        Kind(description: "TIFF, planes", script: "ffmpeg -v error -i base.png -pix_fmt rgb48le x.tif; mv x.tif p"),
        Kind(
            description: "PNG, interlaced, 16 bits",
            script: "vips colourspace base.png w.v rgb16; vips pngsave w.v p --interlace"
        ),
        Kind(
            description: "JPEG, arithmetic-free progressive",
            script: "vips jpegsave base.png p --interlace --Q 96 --subsample-mode off"
        ),
        Kind(description: "WebP, lossless", script: "vips webpsave base.png p --lossless"),
    ]

    @Test(arguments: kinds)
    func aPictureComesOutAsItIs(kind: Kind) throws {
        let lab = try Lab()
        let picture = Raster.smooth(width: 160, height: 120)
        try lab.write(picture.ppm, "base.ppm")
        try lab.shell("vips pngsave base.ppm base.png; \(kind.script)")

        let conversion = try lab.convert("p")

        #expect([conversion.metadata.width, conversion.metadata.height] == [160, 120])
        #expect(conversion.result.warnings.isEmpty)
        let found = try lab.raster("1080p.jpg").meanDifference(to: picture)
        #expect(found < kind.difference, "ΔE is \(found)")
    }

    /// libjxl turns the pixels itself, and libvips 8.14 names the orientation all the same.
    @Test(arguments: [1, 3, 6, 8])
    func aTurnedJPEGXLIsUprightOnce(orientation: Int) throws {
        let lab = try Lab()
        let upright = Raster.corners(width: 120, height: 90)
        try lab.write(upright.stored(orientation: orientation).ppm, "s.ppm")
        try lab.shell("vips jpegsave s.ppm s.jpg --strip --Q 95")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("s.jpg"), orientation: orientation), "t.jpg")
        try lab.shell("vips jxlsave t.jpg p.jxl")

        let conversion = try lab.convert("p.jxl")

        #expect([conversion.metadata.width, conversion.metadata.height] == [120, 90])
        for (found, expected) in zip(try lab.raster("180p.jpg").quarters, upright.quarters) {
            #expect(found.isNear(expected, within: 30), "\(found)")
        }
    }

    @Test func extraFormatsAreMadeToo() throws {
        let lab = try Lab()
        let picture = Raster.smooth(width: 160, height: 120)
        try lab.write(picture.ppm, "p.ppm")
        try lab.shell("vips copy p.ppm p.png")
        let profile = ImageProfile(
            variants: [.init(quality: "a", side: 80), .init(quality: "b", side: 200)],
            extraFormats: [.webp, .avif]
        )

        let conversion = try lab.convert("p.png", profile)

        #expect(
            conversion.result.outputs.map(\.fileName) == ["a.jpg", "b.jpg", "a.webp", "b.webp", "a.avif", "b.avif"]
        )
        for name in ["b.jpg", "b.webp", "b.avif"] {
            let found = try lab.raster(name).meanDifference(to: picture)
            #expect(found < 4, "\(name): ΔE is \(found)")
        }
        #expect(try lab.header("a.avif").contains("\nwidth: 80\nheight: 60\n"))
    }

    @Test func transparencyIsKeptInExtraFormatsAndLaidOverTheBackgroundInJPEG() throws {
        let lab = try Lab()
        let half = Raster(width: 80, height: 60) { x, _ in x < 40 ? .clear : .orange }
        try lab.write(half.pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba p.png")
        var profile = ImageProfile(variants: [.init(quality: "a", side: 80)], alphaFormat: .jpeg, extraFormats: [.avif])
        profile.policy.background = [0, 0, 255]

        try lab.convert("p.png", profile)

        #expect(try lab.raster("a.jpg").quarters[0].isNear(.blue))
        #expect(try lab.raster("a.jpg").quarters[1].isNear(.orange))
        try lab.shell("vips copy a.avif b.png")
        #expect(try lab.raster("b.png").quarters[0].alpha <= 2)
        #expect(try lab.raster("b.png").quarters[1].isNear(.orange))
    }
}
