import Foundation
import Media
import Testing

/// Colours of sources that are not BT.709, measured in the outputs.
@Suite struct ColorConformanceTests {
    /// Arguments that make HDR of a standard picture, with its white at 203 cd/m².
    private static func hdr(_ transfer: String) -> [String] {
        let toHDR =
            "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
            + "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv,"
            + "zscale=t=linear:npl=203,format=gbrpf32le,"
            + "zscale=p=bt2020:t=\(transfer):m=bt2020nc:r=tv:npl=203,format=yuv420p10le"
        let parameters =
            "log-level=0:pools=1:frame-threads=1:colorprim=bt2020:colormatrix=bt2020nc:range=limited:transfer=\(transfer)"
        return [
            "-vf", toHDR, "-c:v", "libx265", "-preset", "ultrafast", "-crf", "5", "-tag:v", "hvc1", "-x265-params",
            parameters,
        ]
    }

    private func expectBT709(_ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for output in outcome.result.outputs where output.kind == .rendition {
            let video = try #require(try await Inspection.of(outcome.path(output.fileName)).video)
            let tags = [video.colorSpace, video.colorTransfer, video.colorPrimaries, video.colorRange]
            #expect(tags == ["bt709", "bt709", "bt709", "tv"], sourceLocation: sourceLocation)
            #expect(output.transfer == "bt709", sourceLocation: sourceLocation)
        }
    }

    @Test(
        "HDR becomes BT.709 with the structure of ffmpeg's own tone mapping",
        arguments: ["smpte2084", "arib-std-b67"]
    )
    func hdrStructure(transfer: String) async throws {
        let scratch = try Scratch()
        let content = ["-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25:start_scale=0.6", "-t", "0.2"]
        let path = try await scratch.make("in.mp4", content + Self.hdr(transfer))
        let outcome = try await process(path, in: scratch)
        try await expectBT709(outcome)
        #expect(outcome.metadata.color.transfer == transfer)
        let toneMapped =
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=tonemap=hable:desat=0,"
            + "zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
        let reference = try await scratch.make(
            "ref.mp4",
            ["-i", path, "-vf", toneMapped, "-c:v", "libx264", "-qp", "5"]
        )
        // Untouched HDR numbers reach 0.7.
        #expect(try await Measure.similarity(outcome.path("360p.mp4"), reference) > 0.9)
        let original = try #require(try await Inspection.of(outcome.path("original.mp4")).video)
        #expect(original.colorTransfer == transfer && original.pixFmt == "yuv420p10le")
        #expect(try outcome.output("original").transfer == transfer)
        #expect(try outcome.output("original").pixelFormat == "yuv420p10le")
    }

    @Test(
        "A grey patch of HDR keeps its place between black and white",
        arguments: [("smpte2084", 0x40), ("smpte2084", 0x80), ("arib-std-b67", 0x80)]
    )
    func patches(transfer: String, level: Int) async throws {
        let scratch = try Scratch()
        let hex = String(level, radix: 16)
        let color = ["-f", "lavfi", "-i", "color=0x\(hex)\(hex)\(hex):s=320x180:r=25:d=0.2"]
        let path = try await scratch.make("in.mp4", color + Self.hdr(transfer))
        let outcome = try await process(path, in: scratch)
        for name in ["360p.mp4", "thumbnail_0.jpg"] {
            let patch = try #require(try await Inspection.quarters(outcome.path(name)).first)
            #expect(patch.isNear(RGB(red: level, green: level, blue: level), within: 8), "\(name): \(patch)")
        }
    }

    @Test(
        "Wide gamut in standard range is converted",
        arguments: [("bt2020", "bt709", "bt2020nc"), ("smpte432", "iec61966-2-1", "bt709")]
    )
    func wideGamut(primaries: String, transfer: String, matrix: String) async throws {
        let scratch = try Scratch()
        let convert =
            "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
            + "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv,"
            + "zscale=p=\(primaries):t=\(transfer):m=\(matrix == "bt709" ? "709" : "2020_ncl"):r=tv,format=yuv420p10le"
        let tags = ["-color_primaries", primaries, "-color_trc", transfer, "-colorspace", matrix]
        let path = try await scratch.make(
            "in.mp4",
            ["-f", "lavfi", "-i", "color=0xB04020:s=320x180:r=25:d=0.2", "-vf", convert]
                + ["-c:v", "libx264", "-qp", "3"] + tags
        )
        let outcome = try await process(path, in: scratch)
        try await expectBT709(outcome)
        for name in ["360p.mp4", "thumbnail_0.jpg"] {
            let patch = try #require(try await Inspection.quarters(outcome.path(name)).first)
            // Left as it is, its red is 20 and more away.
            #expect(patch.isNear(RGB(red: 0xB0, green: 0x40, blue: 0x20), within: 10), "\(name): \(patch)")
        }
    }

    @Test("Full range that only the container tells of is believed")
    func fullRange() async throws {
        let scratch = try Scratch()
        let path = try await scratch.make(
            "in.mkv",
            ["-f", "lavfi", "-i", "color=0xB04020:s=320x180:r=25:d=0.2"]
                + ["-vf", "scale=out_color_matrix=smpte170m:out_range=pc,format=yuv420p"]
                + ["-c:v", "ffv1", "-color_range", "pc", "-colorspace", "smpte170m"]
        )
        let outcome = try await process(path, in: scratch)
        for name in ["360p.mp4", "thumbnail_0.jpg"] {
            let patch = try #require(try await Inspection.quarters(outcome.path(name)).first)
            #expect(patch.isNear(RGB(red: 0xB0, green: 0x40, blue: 0x20), within: 6), "\(name): \(patch)")
        }
    }

    @Test("Dolby Vision: profile 5 is refused by name, 8.4 is HLG, and its record stays in the original alone")
    func dolbyVision() async throws {
        let scratch = try Scratch()
        let plain = try await scratch.make("plain.mp4", pattern("320x180", seconds: 0.2) + Self.hdr("arib-std-b67"))
        let refused = try PatchedMP4(plain)
        refused.appendToSampleEntry([PatchedMP4.dolbyVision(profile: 5, compatibility: 0)])
        let five = try scratch.write(refused.data, to: "five.mp4")
        let error = await #expect(throws: MediaError.self) { try await probe(five) }
        #expect(error?.code == .dolbyVision && error?.isRetriable == false)
        #expect(error?.message.contains("profile 5") == true)
        let compatible = try PatchedMP4(plain)
        compatible.appendToSampleEntry([PatchedMP4.dolbyVision(profile: 8, compatibility: 4)])
        let outcome = try await process(try scratch.write(compatible.data, to: "eight.mp4"), in: scratch)
        try await expectBT709(outcome)
        #expect(outcome.metadata.color.dolbyVisionProfile == 8)
        #expect(try await Inspection.sideData(outcome.path("original.mp4")).contains("DOVI configuration record"))
        #expect(try await Inspection.sideData(outcome.path("360p.mp4")).isEmpty)
    }

    @Test("Records of 360° and 3D pictures are kept in all outputs")
    func spherical() async throws {
        let scratch = try Scratch()
        let plain = try await scratch.make("plain.mp4", pattern("320x180", seconds: 0.2) + h264)
        let file = try PatchedMP4(plain)
        let zeros = [UInt8](repeating: 0, count: 4)
        let head = PatchedBox(kind: "svhd", data: zeros + Array("test\0".utf8))
        let pose = PatchedBox(kind: "prhd", data: zeros + [UInt8](repeating: 0, count: 12))
        let map = PatchedBox(kind: "equi", data: zeros + [UInt8](repeating: 0, count: 16))
        let projection = PatchedBox(kind: "proj", data: pose.packed + map.packed)
        file.appendToSampleEntry([
            PatchedBox(kind: "st3d", data: zeros + [2]),
            PatchedBox(kind: "sv3d", data: head.packed + projection.packed),
        ])
        let outcome = try await process(try scratch.write(file.data, to: "in.mp4"), in: scratch)
        for name in ["360p.mp4", "original.mp4"] {
            let kinds = try await Inspection.sideData(outcome.path(name))
            #expect(kinds.contains("Spherical Mapping") && kinds.contains("Stereo 3D"), "\(name): \(kinds)")
        }
    }
}
