import Images
import Testing

@Suite struct OrientationTests {
    @Test(arguments: 1...8)
    func everyOrientationComesOutUpright(orientation: Int) throws {
        let lab = try Lab()
        let upright = Raster.corners(width: 480, height: 320)
        try lab.write(upright.stored(orientation: orientation).ppm, "stored.ppm")
        try lab.shell("vips jpegsave stored.ppm plain.jpg --Q 95")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("plain.jpg"), orientation: orientation), "photo.jpg")

        let conversion = try lab.convert("photo.jpg")

        #expect(conversion.metadata.orientation == orientation)
        #expect(conversion.metadata.width == 480)
        #expect(conversion.metadata.height == 320)
        try #require(conversion.result.outputs.map(\.width) == [180, 360, 480, 480])
        #expect(conversion.result.outputs.map(\.height) == [120, 240, 320, 320])
        for output in [conversion.result.outputs[0], conversion.result.outputs[3]] {
            let raster = try lab.raster(output.fileName)
            #expect(raster.width == output.width)
            #expect(raster.height == output.height)
            for (found, expected) in zip(raster.quarters, upright.quarters) {
                #expect(found.isNear(expected), "\(output.fileName)")
            }
        }
    }

    @Test(arguments: [1, 3, 6, 7])
    func orientationHoldsWhenTheDecoderReducesThePicture(orientation: Int) throws {
        let lab = try Lab()
        let upright = Raster.corners(width: 480, height: 320)
        try lab.write(upright.stored(orientation: orientation).ppm, "stored.ppm")
        try lab.shell("vips jpegsave stored.ppm plain.jpg --Q 95")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("plain.jpg"), orientation: orientation), "photo.jpg")

        let conversion = try lab.convert("photo.jpg", ImageProfile(variants: [.init(quality: "s", side: 31)]))

        #expect(conversion.result.outputs.map { [$0.width, $0.height] } == [[31, 21]])
        for (found, expected) in zip(try lab.raster("s.jpg").quarters, upright.quarters) {
            #expect(found.isNear(expected, within: 30), "\(found)")
        }
    }

    /// As telephones write it: the container says how to turn the picture, and the EXIF block says so once more.
    @Test(arguments: [1, 6])
    func aHEICIsTurnedByItsContainerAndOnlyOnce(exifOrientation: Int) throws {
        let lab = try Lab()
        let upright = Raster.corners(width: 320, height: 480)
        try lab.write(upright.stored(orientation: 6).ppm, "stored.ppm")
        try lab.shell(
            "ffmpeg -v error -i stored.ppm -pix_fmt yuv420p -c:v libx265 -preset ultrafast -tag:v hvc1 "
                + "-x265-params log-level=error:crf=5 plain.mp4"
        )
        let coded = try HEIFFixture.Coded(mp4: lab.bytes("plain.mp4"), width: 480, height: 320)
        // 3 quarters to the left (ISO/IEC 23008-12, 6.5.10).
        let heic = HEIFFixture.turned(coded, quartersLeft: 3, exifOrientation: exifOrientation)
        try lab.write(heic, "photo.heic")

        let conversion = try lab.convert("photo.heic")

        #expect([conversion.metadata.width, conversion.metadata.height] == [320, 480])
        #expect(conversion.metadata.orientation == 1)
        for (found, expected) in zip(try lab.raster("360p.jpg").quarters, upright.quarters) {
            #expect(found.isNear(expected, within: 30), "\(found)")
        }
    }

    @Test func anOrientationThatDoesNotExistIsIgnored() throws {
        let lab = try Lab()
        let picture = Raster.corners(width: 64, height: 32)
        try lab.write(picture.ppm, "stored.ppm")
        try lab.shell("vips jpegsave stored.ppm plain.jpg")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("plain.jpg"), orientation: 77), "photo.jpg")

        let conversion = try lab.convert("photo.jpg")

        #expect(conversion.metadata.orientation == 1)
        #expect(try lab.raster("180p.jpg").quarters[0].isNear(.red))
    }
}
