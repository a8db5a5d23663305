import Images
import Testing

@Suite struct FormatTests {
    struct Source: CustomStringConvertible, Sendable {
        /// Makes `p.*` from `flat.png`.
        var script: String
        var file: String
        var format: String
        var mimeType: String

        var description: String { script }
    }

    static let sources = [
        Source(script: "vips jpegsave flat.png p.jpg", file: "p.jpg", format: "jpeg", mimeType: "image/jpeg"),
        Source(
            script: "vips jpegsave flat.png p.jpg --interlace --subsample-mode off",
            file: "p.jpg",
            format: "jpeg",
            mimeType: "image/jpeg"
        ),
        Source(script: "vips pngsave flat.png p.png --interlace", file: "p.png", format: "png", mimeType: "image/png"),
        Source(script: "vips pngsave flat.png p.png --palette", file: "p.png", format: "png", mimeType: "image/png"),
        Source(
            script: "vips webpsave flat.png p.webp --lossless",
            file: "p.webp",
            format: "webp",
            mimeType: "image/webp"
        ),
        Source(script: "vips webpsave flat.png p.webp --Q 95", file: "p.webp", format: "webp", mimeType: "image/webp"),
        Source(
            script: "heif-enc -q 90 flat.png -o p.heic",
            file: "p.heic",
            format: "heif",
            mimeType: "image/heic"
        ),
        Source(
            script: "heif-enc -q 90 flat.png -o p.avif",
            file: "p.avif",
            format: "avif",
            mimeType: "image/avif"
        ),
        Source(
            script: "vips colourspace flat.png w.png rgb16; heif-enc -q 90 -b 10 w.png -o p.heic",
            file: "p.heic",
            format: "heif",
            mimeType: "image/heic"
        ),
        Source(
            script:
                "ffmpeg -v error -i flat.png -pix_fmt yuv420p10le -c:v libaom-av1 -still-picture 1 -cpu-used 8 p.avif",
            file: "p.avif",
            format: "avif",
            mimeType: "image/avif"
        ),
        Source(script: "vips gifsave flat.png p.gif", file: "p.gif", format: "gif", mimeType: "image/gif"),
        Source(
            script: "vips tiffsave flat.png p.tif --tile --compression deflate --predictor horizontal",
            file: "p.tif",
            format: "tiff",
            mimeType: "image/tiff"
        ),
        Source(
            script: "vips tiffsave flat.png p.tif --compression lzw --bigtiff",
            file: "p.tif",
            format: "tiff",
            mimeType: "image/tiff"
        ),
        Source(
            script: "vips tiffsave flat.png p.tif --tile --pyramid --compression jpeg --Q 90",
            file: "p.tif",
            format: "tiff",
            mimeType: "image/tiff"
        ),
    ]

    @Test(arguments: sources)
    func everyAcceptedFormatIsConverted(source: Source) throws {
        let lab = try Lab()
        let picture = Raster.corners(width: 400, height: 300)
        try lab.write(picture.ppm, "flat.ppm")
        try lab.shell("vips pngsave flat.ppm flat.png; \(source.script); mv \(source.file) upload.bin")

        let conversion = try lab.convert("upload.bin")

        #expect(conversion.metadata.format == source.format)
        #expect(conversion.metadata.mimeType == source.mimeType)
        #expect(conversion.metadata.width == 400)
        #expect(conversion.metadata.height == 300)
        #expect(conversion.metadata.fileSizeBytes == Int64(try lab.bytes("upload.bin").count))
        #expect(conversion.result.outputs.map(\.fileName) == ["180p.jpg", "360p.jpg", "720p.jpg", "1080p.jpg"])
        for output in conversion.result.outputs {
            #expect(output.mimeType == "image/jpeg")
            #expect(output.sizeBytes == Int64(try lab.bytes(output.fileName).count))
        }
        for name in ["180p.jpg", "1080p.jpg"] {
            for (found, expected) in zip(try lab.raster(name).quarters, picture.quarters) {
                #expect(found.isNear(expected, within: 30), "\(name): \(found)")
            }
        }
    }

    @Test(arguments: ["gif", "webp"])
    func anAnimationYieldsItsFirstFrame(format: String) throws {
        let lab = try Lab()
        let tall = Raster(width: 60, height: 120) { _, y in y < 40 ? .red : y < 80 ? .green : .blue }
        try lab.write(tall.ppm, "tall.ppm")
        let options = format == "webp" ? "--lossless" : ""
        try lab.shell("vips \(format)save tall.ppm p.\(format) --page-height 40 \(options)")

        let conversion = try lab.convert("p.\(format)")

        #expect(conversion.metadata.pageCount == 3)
        #expect(conversion.metadata.height == 40)
        let found = try lab.raster("180p.jpg")
        #expect([found.width, found.height] == [60, 40])
        #expect(found.middle.isNear(.red), "\(found.middle)")
    }

    @Test func aTIFFOfSeveralPagesYieldsItsFirst() throws {
        let lab = try Lab()
        let tall = Raster(width: 60, height: 80) { _, y in y < 40 ? .red : .green }
        try lab.write(tall.ppm, "tall.ppm")
        try lab.shell("vips tiffsave tall.ppm p.tif --page-height 40")

        let conversion = try lab.convert("p.tif")

        #expect(conversion.metadata.pageCount == 2)
        #expect(try lab.raster("1080p.jpg").middle.isNear(.red))
    }

    @Test(arguments: [(1, 1), (3, 5_000), (5_000, 3), (2, 181), (179, 180), (181, 181)])
    func planAndFileAgreeOnOddSizes(width: Int, height: Int) throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.orange, width: width, height: height).ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm p.jpg")

        let conversion = try lab.convert("p.jpg")

        for output in conversion.result.outputs {
            let header = try lab.header(output.fileName)
            #expect(header.contains("\nwidth: \(output.width)\nheight: \(output.height)\n"))
            #expect(output.width <= width)
            #expect(output.height <= height)
        }
        #expect(try lab.raster("180p.jpg").middle.isNear(.orange))
    }

    @Test func aPictureTwelveMegapixelsLargeIsReducedWhileItIsDecoded() throws {
        let lab = try Lab()
        try lab.write(Raster.corners(width: 500, height: 375).ppm, "small.ppm")
        try lab.shell("vips zoom small.ppm p.jpg[Q=90] 8 8")

        let conversion = try lab.convert("p.jpg")

        #expect([conversion.metadata.width, conversion.metadata.height] == [4_000, 3_000])
        let largest = try lab.raster("1080p.jpg")
        #expect([largest.width, largest.height] == [1_080, 810])
        #expect(largest.quarters[1].isNear(.green))
        #expect(try lab.raster("180p.jpg").quarters[2].isNear(.blue))
    }
}
