import Images
import Testing

@Suite struct TruncatedTests {
    private static let picture = Raster.smooth(width: 320, height: 240)

    private func accepting(_ share: Double) -> ImageProfile {
        var profile = ImageProfile.default
        profile.policy.truncatedShare = share
        return profile
    }

    @Test(arguments: ["", "--interlace", "--optimize-coding --subsample-mode off"])
    func aMissingEndMarkAloneIsAWarning(options: String) throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm whole.jpg --Q 95 \(options)")
        try lab.write(lab.bytes("whole.jpg").dropLast(2), "p.jpg")

        let conversion = try lab.convert("p.jpg")

        #expect(conversion.result.warnings.map(\.code) == [.endMarkMissing])
        #expect(try lab.raster("1080p.jpg").meanDifference(to: Self.picture) < 2)
        #expect(try lab.convert("whole.jpg").result.warnings.isEmpty)
    }

    @Test(arguments: [1, 2, 700])
    func bytesBeforeTheStartAreAWarning(count: Int) throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm whole.jpg --Q 95")
        let junk = (0..<count).map { [13, 10, 45, 65][$0 % 4] as UInt8 }
        try lab.write(junk + lab.bytes("whole.jpg"), "p.jpg")

        let conversion = try lab.convert("p.jpg")

        #expect(conversion.metadata.format == "jpeg")
        #expect(conversion.result.warnings.map(\.code) == [.bytesBeforeStart])
        #expect(conversion.result.warnings[0].message.contains("\(count) bytes"))
        #expect(try lab.raster("1080p.jpg").meanDifference(to: Self.picture) < 2)
    }

    @Test(arguments: ["jpg", "png"])
    func aSettingDecidesOfAPictureThatBreaksOff(fileExtension: String) throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.shell("vips copy p.ppm whole.\(fileExtension)")
        let whole = try lab.bytes("whole.\(fileExtension)")
        try lab.write(whole.prefix(whole.count * 7 / 10), "p")

        let refused = try imageError { _ = try lab.convert("p") }
        #expect(refused.code == .decodeFailed)
        let tooLittle = try imageError { _ = try lab.convert("p", accepting(0.95)) }
        #expect(tooLittle.message.contains("95 % are needed (IMAGE_TRUNCATED_MIN_PERCENT)"), "\(tooLittle.message)")

        let conversion = try lab.convert("p", accepting(0.4))

        #expect(conversion.result.warnings.map(\.code) == [.pictureIncomplete])
        let found = try lab.raster("1080p.jpg")
        #expect([found.width, found.height] == [320, 240])
        let top = Raster(width: 320, height: 90, rgba: Array(found.rgba.prefix(320 * 90 * 4)))
        let expected = Raster(width: 320, height: 90, rgba: Array(Self.picture.rgba.prefix(320 * 90 * 4)))
        #expect(top.meanDifference(to: expected) < 3)
    }

    @Test func theRefusalOfHalfAPictureNamesTheSetting() throws {
        let lab = try Lab()
        try lab.write(Self.picture.ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm whole.jpg")
        try lab.write(lab.bytes("whole.jpg").prefix(try lab.bytes("whole.jpg").count / 2), "p.jpg")
        let error = try imageError { _ = try lab.convert("p.jpg") }
        #expect(error.code == .decodeFailed)
        #expect(error.message.contains("IMAGE_TRUNCATED"), "\(error.message)")
        #expect(error.message.contains("% of its rows"))
        #expect(!error.isRetriable)
    }
}
