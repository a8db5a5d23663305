import Foundation
import Images
import Testing

@Suite struct MetadataTests {
    @Test(arguments: ["jpg", "png", "webp"])
    func nothingOfTheSourceButPixelsReachesAnOutput(fileExtension: String) throws {
        let lab = try Lab()
        let format: OutputFormat = fileExtension == "jpg" ? .jpeg : fileExtension == "png" ? .png : .webp
        try lab.write(Raster.gradient(width: 400, height: 300).ppm, "p.ppm")
        try lab.shell("vips icc_transform p.ppm plain.jpg p3 --input-profile srgb")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("plain.jpg"), orientation: 6), "p.jpg")
        let before = try lab.header("p.jpg")
        #expect(before.contains("exif-data") && before.contains("GPS") && before.contains("xmp-data"))
        var profile = ImageProfile.default
        profile.opaqueFormat = format

        let conversion = try lab.convert("p.jpg", profile)

        for output in conversion.result.outputs {
            let header = try lab.header(output.fileName)
            for forbidden in ["exif", "GPS", "xmp-data", "iptc", "icc-profile", "orientation", "comment"] {
                #expect(!header.contains(forbidden), "\(output.fileName): \(forbidden)")
            }
            let bytes = Data(try lab.bytes(output.fileName))
            for forbidden in ["Exif", "home address", "a comment", "ICC_PROFILE", "tEXt", "eXIf", "iCCP"] {
                #expect(bytes.firstRange(of: Data(forbidden.utf8)) == nil, "\(output.fileName): \(forbidden)")
            }
        }
    }

    @Test func theSameInputGivesTheSameBytes() throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 900, height: 700).ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm p.jpg")
        var profile = ImageProfile.default
        var runs: [[[UInt8]]] = []
        for format in OutputFormat.allCases + OutputFormat.allCases {
            profile.opaqueFormat = format
            runs.append(try lab.convert("p.jpg", profile).result.outputs.map { try lab.bytes($0.fileName) })
        }
        try #require(runs.count == 6)
        #expect(runs[0] == runs[3])
        #expect(runs[1] == runs[4])
        #expect(runs[2] == runs[5])
    }
}
