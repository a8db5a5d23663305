import Foundation
import Testing

@testable import Images

@Suite struct ImagePlanTests {
    private func metadata(_ width: Int, _ height: Int, transparent: Bool = false) -> ImageMetadata {
        ImageMetadata(
            width: width,
            height: height,
            fileSizeBytes: 1,
            mimeType: "image/png",
            format: "png",
            hasAlpha: transparent,
            hasTransparency: transparent
        )
    }

    @Test(arguments: [
        (4_000, 3_000, 1_080, 1_080, 810),
        (3_000, 4_000, 1_080, 810, 1_080),
        (1_080, 1_080, 1_080, 1_080, 1_080),
        (1_081, 1_080, 1_080, 1_080, 1_079),
        (179, 120, 180, 179, 120),
        (3, 5_000, 180, 1, 180),
        (5_000, 3, 180, 180, 1),
        (65_500, 1, 1_080, 1_080, 1),
        (1, 1, 180, 1, 1),
        (4, 2, 1, 1, 1),
        (400, 250, 360, 360, 225),
        (Int.max, Int.max, 180, 180, 180),
        (Int.max, 1, 180, 180, 1),
        (0, -5, 180, 1, 1),
    ])
    func sizesAreFittedAndNeverEnlarged(width: Int, height: Int, side: Int, fittedWidth: Int, fittedHeight: Int) {
        let fitted = ImagePlan.fit(width: width, height: height, insideSquareOf: side)
        #expect(fitted.width == fittedWidth)
        #expect(fitted.height == fittedHeight)
    }

    @Test func theDefaultProfileIsTheContract() {
        let plan = ImagePlan(source: metadata(4_000, 3_000), profile: .default)
        #expect(plan.variants.map(\.quality) == ["180p", "360p", "720p", "1080p"])
        #expect(plan.variants.map(\.fileName) == ["180p.jpg", "360p.jpg", "720p.jpg", "1080p.jpg"])
        #expect(plan.variants.map(\.width) == [180, 360, 720, 1_080])
        #expect(plan.variants.map(\.height) == [135, 270, 540, 810])
        #expect(ImageProfile.default.problems.isEmpty)
    }

    @Test func everyVariantOfASmallSourceIsThere() {
        let plan = ImagePlan(source: metadata(300, 200), profile: .default)
        #expect(plan.variants.map(\.width) == [180, 300, 300, 300])
        #expect(plan.variants.map(\.height) == [120, 200, 200, 200])
    }

    @Test func transparencyChoosesTheAlphaFormat() {
        var profile = ImageProfile.default
        #expect(
            ImagePlan(source: metadata(9, 9, transparent: true), profile: profile).variants.first?.fileName
                == "180p.png"
        )
        profile.alphaFormat = .webp
        #expect(
            ImagePlan(source: metadata(9, 9, transparent: true), profile: profile).variants.first?.fileName
                == "180p.webp"
        )
        #expect(ImagePlan(source: metadata(9, 9), profile: profile).variants.first?.fileName == "180p.jpg")
    }

    @Test func aPlanSurvivesJSON() throws {
        let plan = ImagePlan(source: metadata(4_000, 3_000), profile: .default)
        #expect(try JSONDecoder().decode(ImagePlan.self, from: JSONEncoder().encode(plan)) == plan)
    }

    @Test func everyProblemOfAProfileIsReported() {
        let profile = ImageProfile(
            variants: [
                .init(quality: "a/b", side: 0), .init(quality: "x", side: 20_000), .init(quality: "x", side: 5),
            ],
            alphaFormat: .webp,
            encoding: ImageEncoding(jpegQuality: 0, webpQuality: 101, pngCompression: 10),
            limits: ImageLimits(maxPixels: 0, maxSide: 0)
        )
        #expect(profile.problems.count == 9)
        #expect(ImageProfile(variants: []).problems == ["there are no variants"])
    }

    @Test(arguments: ["../x.jpg", "", ".hidden", "a b", "x/y.jpg", String(repeating: "a", count: 65)])
    func aForeignPlanWithABadNameIsRefused(name: String) throws {
        let lab = try Lab()
        var plan = ImagePlan(source: metadata(10, 10), profile: .default)
        try #require(!plan.variants.isEmpty)
        plan.variants[0].fileName = name
        let error = try imageError {
            _ = try ImageEngine().run(plan, input: lab.path("none"), outputPath: { lab.path($0) })
        }
        #expect(error.code == .invalidPlan)
        #expect(!error.isRetriable)
    }

    @Test(arguments: [0, -1, 65_501, Int.max])
    func aForeignPlanWithABadSizeIsRefused(width: Int) throws {
        var plan = ImagePlan(source: metadata(10, 10), profile: .default)
        try #require(plan.variants.count > 1)
        plan.variants[1].width = width
        let error = try imageError { try plan.check() }
        #expect(error.code == .invalidPlan)
    }
}
