import Images
import Testing

@Suite struct AlphaTests {
    private static let half = Raster(width: 400, height: 300) { x, _ in x < 200 ? .clear : .orange }

    @Test(arguments: ["png", "webp", "tiff", "gif", "avif"])
    func realTransparencyIsKept(format: String) throws {
        let lab = try Lab()
        try lab.write(Self.half.pam, "p.pam")
        let save =
            switch format {
            case "webp": "vips webpsave base.png p --lossless"
            case "tiff": "vips tiffsave base.png p"
            case "gif": "vips gifsave base.png p"
            case "avif": "heif-enc -A -q 90 base.png -o p.avif; mv p.avif p"
            default: "cp base.png p"
            }
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba base.png; \(save)")

        let conversion = try lab.convert("p")

        #expect(conversion.metadata.hasAlpha)
        #expect(conversion.metadata.hasTransparency)
        #expect(conversion.result.outputs.map(\.fileName) == ["180p.png", "360p.png", "720p.png", "1080p.png"])
        for name in ["180p.png", "1080p.png"] {
            let found = try lab.raster(name)
            #expect(found.quarters[0].alpha <= 2)
            #expect(found.quarters[1].isNear(.orange), "\(found.quarters[1])")
        }
    }

    @Test func transparencyOfSixteenBitsIsKept() throws {
        let lab = try Lab()
        try lab.write(Self.half.pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba64be p.png")

        let conversion = try lab.convert("p.png")

        #expect(conversion.metadata.colorSpace == "rgb16")
        #expect(conversion.metadata.hasTransparency)
        let found = try lab.raster("360p.png")
        #expect(found.quarters[0].alpha == 0)
        #expect(found.quarters[1].isNear(.orange, within: 3), "\(found.quarters[1])")
    }

    @Test(arguments: ["rgba", "rgba64be", "ya8"])
    func anAlphaChannelThatSaysNothingGivesJPEG(pixelFormat: String) throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.grey).pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt \(pixelFormat) p.png")

        let conversion = try lab.convert("p.png")

        #expect(conversion.metadata.hasAlpha)
        #expect(!conversion.metadata.hasTransparency)
        #expect(conversion.result.outputs.map(\.mimeType) == Array(repeating: "image/jpeg", count: 4))
        let found = try lab.raster("180p.jpg").middle
        #expect(found.isNear(.grey, within: 3), "\(found)")
    }

    @Test func colourDoesNotBleedAcrossATransparentEdge() throws {
        let lab = try Lab()
        // The colour of a pixel that nobody sees must not colour its neighbours when they are mixed.
        let hidden = Raster.Pixel(red: 0, green: 255, blue: 0, alpha: 0)
        let picture = Raster(width: 400, height: 400) { x, y in (x / 3 + y / 3) % 2 == 0 ? hidden : .red }
        try lab.write(picture.pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba p.png")

        try lab.convert("p.png")

        let found = try lab.raster("180p.png").middle
        #expect(found.green < 30, "\(found)")
        #expect(found.red > 220, "\(found)")
    }

    @Test func webPAndJPEGCanBeChosen() throws {
        let lab = try Lab()
        try lab.write(Self.half.pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba p.png")
        var profile = ImageProfile.default

        profile.alphaFormat = .webp
        #expect(try lab.convert("p.png", profile).result.outputs.first?.mimeType == "image/webp")
        #expect(try lab.raster("180p.webp").quarters[0].alpha == 0)

        profile.alphaFormat = .jpeg
        #expect(try lab.convert("p.png", profile).result.outputs.first?.mimeType == "image/jpeg")
        #expect(try lab.raster("180p.jpg").quarters[0].isNear(.white))
    }
}
