import Foundation
import Images
import Testing

@Suite struct AnimationTests {
    /// Red, green and blue, 40 rows each.
    private static let frames = Raster(width: 60, height: 120) { _, y in y < 40 ? .red : y < 80 ? .green : .blue }

    private func write(_ lab: Lab, _ format: String) throws {
        try lab.write(Self.frames.ppm, "tall.ppm")
        try lab.shell(
            "vips \(format)save tall.ppm p.\(format) --page-height 40 \(format == "webp" ? "--lossless" : "")"
        )
    }

    private func profile(_ format: OutputFormat) -> ImageProfile {
        ImageProfile(
            variants: [.init(quality: "small", side: 30), .init(quality: "large", side: 200)],
            animationFormat: format
        )
    }

    @Test(arguments: ["gif", "webp"], [OutputFormat.webp, .gif])
    func anAnimationStaysOne(format: String, output: OutputFormat) throws {
        let lab = try Lab()
        try write(lab, format)

        let conversion = try lab.convert("p.\(format)", profile(output))

        let (small, large) = ("small.\(output.fileExtension)", "large.\(output.fileExtension)")
        #expect(conversion.result.outputs.map(\.fileName) == [small, large])
        #expect(conversion.result.outputs.map(\.height) == [20, 40])
        #expect(conversion.result.outputs.map(\.mimeType) == Array(repeating: output.mimeType, count: 2))
        #expect(try lab.header(small).contains("\nn-pages: 3\n"))
        for (page, colour) in [Raster.Pixel.red, .green, .blue].enumerated() {
            try lab.shell("vips copy '\(small)[page=\(page)]' page\(page).png")
            let found = try lab.raster("page\(page).png")
            #expect(found.width == 30 && found.height == 20)
            // No frame bleeds into its neighbours.
            #expect(found.pixel(15, 0).isNear(colour, within: 30) && found.pixel(15, 19).isNear(colour, within: 30))
        }
    }

    @Test func timesAndRepeatsAreKept() throws {
        let lab = try Lab()
        try lab.shell("ffmpeg -v error -f lavfi -i testsrc2=s=64x48:r=4:d=1 -loop 3 p.gif")
        try lab.convert("p.gif", profile(.webp))
        let (before, after) = (try lab.header("p.gif"), try lab.header("large.webp"))
        for field in ["\ndelay: ", "\nloop: "] {
            let line = before.range(of: field).map { before[$0.lowerBound...].dropFirst().prefix { $0 != "\n" } }
            #expect(try after.contains(#require(line)), "\(after)")
        }
    }

    @Test func tooManyFramesAreShownByTheFirst() throws {
        let lab = try Lab()
        try write(lab, "gif")
        var profile = profile(.webp)
        profile.limits.maxFrames = 2
        let conversion = try lab.convert("p.gif", profile)
        #expect(conversion.result.outputs.map(\.mimeType) == Array(repeating: "image/jpeg", count: 2))
        #expect(conversion.result.warnings.map(\.code) == [.firstFrameOnly])
        #expect(conversion.result.warnings[0].message.contains("IMAGE_ANIMATION_MAX_FRAMES"))
        #expect(try lab.raster("large.jpg").middle.isNear(.red))
    }

    @Test func aStillIsNoAnimation() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 60, height: 40).ppm, "p.ppm")
        try lab.shell("vips gifsave p.ppm p.gif")
        #expect(try lab.convert("p.gif", profile(.webp)).result.outputs[0].mimeType == "image/jpeg")
    }
}
