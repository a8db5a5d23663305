import Images
import Testing

@Suite struct HDRTests {
    private static let picture = Raster.smooth(width: 160, height: 120)

    /// The same picture in PQ (16) or HLG (18), as `name`.png of 16 bits.
    private func writeCoded(_ lab: Lab, transfer: Int) throws {
        try lab.write(Self.picture.codedHDR(transfer: transfer), "p.raw")
        try lab.shell("ffmpeg -v error -f rawvideo -pix_fmt rgb48be -s 160x120 -i p.raw p.png")
    }

    private func expectPicture(_ lab: Lab, _ input: String, within difference: Double) throws {
        let conversion = try lab.convert(input)
        #expect([conversion.metadata.width, conversion.metadata.height] == [160, 120])
        let found = try lab.raster("1080p.jpg").meanDifference(to: Self.picture)
        #expect(found < difference, "ΔE is \(found)")
    }

    @Test(arguments: [16, 18], ["heic", "avif"])
    func codePointsOfTheContainerAreUsed(transfer: Int, format: String) throws {
        let lab = try Lab()
        try writeCoded(lab, transfer: transfer)
        try lab.shell(
            "heif-enc -q 95 -b 10 -p chroma=444 p.png -o p.\(format) --colour_primaries 9 "
                + "--transfer_characteristic \(transfer) --matrix_coefficients 9"
        )
        try expectPicture(lab, "p.\(format)", within: 2)
    }

    /// HEVC's sequence parameter set, and AV1's sequence header.
    @Test(arguments: [16, 18], ["libx265 -preset ultrafast -tag:v hvc1", "libaom-av1 -cpu-used 8 -crf 10"])
    func codePointsOfTheCodecAreUsedWithoutOthers(transfer: Int, encoder: String) throws {
        let lab = try Lab()
        try writeCoded(lab, transfer: transfer)
        let name = transfer == 16 ? "smpte2084" : "arib-std-b67"
        let parameters =
            "-x265-params log-level=error:crf=5:colorprim=bt2020:colormatrix=bt2020nc:range=limited:transfer=\(name)"
        try lab.shell(
            "ffmpeg -v error -i p.png -vf scale=out_color_matrix=bt2020:out_range=tv -pix_fmt yuv420p10le "
                + "-c:v \(encoder) -color_primaries bt2020 -color_trc \(name) -colorspace bt2020nc -color_range tv "
                + "\(encoder.hasPrefix("libx265") ? parameters : "") p.mp4"
        )
        let coded = try HEIFFixture.Coded(mp4: lab.bytes("p.mp4"), width: 160, height: 120)
        try lab.write(HEIFFixture.file(coded), "p.heif")
        try expectPicture(lab, "p.heif", within: 3)
    }

    @Test(arguments: [16, 18])
    func codePointsOfAPNGAreUsed(transfer: Int) throws {
        let lab = try Lab()
        try writeCoded(lab, transfer: transfer)
        let png = try lab.bytes("p.png")
        let chunk = Fixtures.pngChunk("cICP", [9, UInt8(transfer), 0, 1])
        try lab.write(png[..<33] + chunk + png[33...], "p2.png")
        try expectPicture(lab, "p2.png", within: 2)
    }

    @Test func wideGamutByCodePointsBecomesSRGB() throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        // Display P3, and sRGB's curve.
        try lab.shell(
            "vips icc_transform p.ppm p3.png p3 --input-profile srgb; vips copy p3.png p3bare.png[strip]; "
                + "heif-enc -q 95 -p chroma=444 p3bare.png -o p.avif --colour_primaries 12 --transfer_characteristic 13"
        )
        try expectPicture(lab, "p.avif", within: 2)
    }

    /// A highlight of 4,000 cd/m² becomes white, and what is beside it stays visible.
    @Test func highlightsAreCompressed() throws {
        let lab = try Lab()
        let white = Raster(width: 160, height: 120) { x, _ in x < 80 ? .white : Raster.Pixel.grey }
        var bytes = white.codedHDR(transfer: 16)
        // 0.9 of the range, about 3,900 cd/m².
        for index in stride(from: 0, to: 160 * 10 * 6, by: 2) { (bytes[index], bytes[index + 1]) = (0xE6, 0x66) }
        try lab.write(bytes, "p.raw")
        try lab.shell(
            "ffmpeg -v error -f rawvideo -pix_fmt rgb48be -s 160x120 -i p.raw p.png; heif-enc -q 95 -b 10 p.png "
                + "-o p.avif --colour_primaries 9 --transfer_characteristic 16 --matrix_coefficients 9"
        )
        try lab.convert("p.avif")
        let found = try lab.raster("1080p.jpg")
        let (highlight, paper, grey) = (found.pixel(80, 3), found.pixel(20, 80), found.pixel(140, 80))
        #expect(highlight.red > 250)
        #expect((170...250).contains(paper.red), "\(paper)")
        #expect((100...140).contains(grey.red), "\(grey)")
    }

    /// An Ultra HDR JPEG is an SDR picture with a gain map behind its end.
    @Test func anUltraHDRJPEGIsItsBasePicture() throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.write(Raster.flat(.grey).ppm, "g.ppm")
        try lab.shell("vips jpegsave p.ppm base.jpg --Q 95 --subsample-mode off; vips jpegsave g.ppm gain.jpg")
        try lab.write(try lab.bytes("base.jpg") + lab.bytes("gain.jpg"), "p.jpg")
        try expectPicture(lab, "p.jpg", within: 2)
    }

    @Test func aPhotoOfIOS18IsItsBasePicture() throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.write(Raster.flat(.grey, width: 80, height: 64).ppm, "g.ppm")
        let encode = "-c:v libx265 -preset ultrafast -x265-params log-level=error:crf=5 -tag:v hvc1"
        try lab.shell(
            "ffmpeg -v error -i p.ppm -pix_fmt yuv420p \(encode) p.mp4; "
                + "ffmpeg -v error -i g.ppm -pix_fmt yuv420p \(encode) g.mp4"
        )
        let picture = try HEIFFixture.Coded(mp4: lab.bytes("p.mp4"), width: 160, height: 120)
        let gain = try HEIFFixture.Coded(mp4: lab.bytes("g.mp4"), width: 80, height: 64)
        try lab.write(HEIFFixture.photoOfIOS18(picture, gainMap: gain), "p.heic")

        let conversion = try lab.convert("p.heic")

        #expect(conversion.metadata.format == "heif")
        #expect(conversion.metadata.orientation == 1)
        let found = try lab.raster("1080p.jpg").meanDifference(to: Self.picture)
        #expect(found < 4, "ΔE is \(found)")
    }
}
