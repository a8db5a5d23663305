import Foundation
import Synchronization
import Testing

@testable import Images

@Suite struct MemoryTests {
    static let rgb = "vips copy b.v c.v --interpretation srgb"

    /// Each script makes `p`, whose pixels are within their limit: a few bytes that a decoder would hold as a whole.
    @Test(arguments: [
        (
            "vips black b.v 2000 2000 --bands 3; \(MemoryTests.rgb); vips webpsave c.v p --lossless",
            "a WebP is decoded as a whole"
        ),
        (
            "vips black b.v 4000 3000 --bands 3; vips pngsave b.v p --interlace",
            "an interlaced PNG is decoded as a whole"
        ),
        (
            "vips black b.v 5000 4000 --bands 3; \(MemoryTests.rgb); vips jpegsave c.v p --interlace",
            "its scans are decoded together"
        ),
        ("vips black b.v 2000 2000; vips gifsave b.v p", "a GIF is decoded as a whole"),
        (
            "vips black b.v 2000 2000 --bands 3; \(MemoryTests.rgb); vips jxlsave c.v p --effort 1",
            "a JPEG XL is decoded as a whole"
        ),
        (
            "vips black b.v 4000 3000 --bands 3; vips tiffsave b.v p --compression deflate --tile --tile-height 2992",
            "its strips or tiles are decoded one by one"
        ),
    ])
    func aPictureThatTakesTooMuchIsRefusedFirst(script: String, cause: String) throws {
        let lab = try Lab()
        try lab.shell(script)
        var profile = ImageProfile.default
        profile.limits.maxMemoryBytes = 24 << 20
        let error = try imageError { _ = try lab.convert("p", profile) }
        #expect(error.code == .limitExceeded)
        #expect(!error.isRetriable)
        #expect(error.message.contains(cause), "\(error.message)")
        #expect(error.message.contains("the most allowed is 24 MB (IMAGE_MAX_MEMORY_MB)"))
        #expect(try lab.convert("p").result.outputs.count == 4)
    }

    @Test func rowsTakeNoMemoryOfTheWhole() throws {
        let lab = try Lab()
        try lab.shell(
            "vips black b.v 5000 4000 --bands 3; \(MemoryTests.rgb); vips jpegsave c.v p"
        )
        var profile = ImageProfile.default
        profile.limits.maxMemoryBytes = 24 << 20
        try lab.convert("p", profile)
    }

    /// Should an estimate be too low: the limit holds for the memory that libvips has taken, too.
    @Test func memoryIsLimitedWhileItIsTaken() throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 400, height: 300).ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm p.jpg")
        let plan = ImagePlan(source: try ImageEngine().probe(path: lab.path("p.jpg")), profile: .default)
        func decode() throws {
            let watch = EvaluationWatch(
                limits: ImageLimits(maxMemoryBytes: 1_000),
                progress: { _ in },
                isCancelled: { false }
            )
            let file = try InputFile(path: lab.path("p.jpg"), .default, watch)
            _ = try ImageEngine().decode(file, plan, for: plan.variants[3], watch)
        }
        // libvips counts for the whole process, and other tests give memory back meanwhile.
        var errors: [ImageError] = []
        for _ in 0..<50 where errors.isEmpty {
            do { try VipsMessage.withFreshBuffer(decode) } catch let error as ImageError { errors.append(error) }
        }
        let error = try #require(errors.first)
        #expect(error.code == .limitExceeded)
        #expect(error.message.contains("while it was worked on"), "\(error.message)")
    }

    /// libvips keeps pixels of more than 100 MB in a file beneath TMPDIR, which is not in the workspace.
    @Test func aLargeWebPNeedsNoTemporaryFile() async throws {
        await #expect(processExitsWith: .success) {
            setenv("TMPDIR", "/proc/nowhere", 1)
            setenv("VIPS_DISC_THRESHOLD", "1m", 1)
            let path = "/tmp/images-tests-\(getpid()).webp"
            try Data(MemoryTests.losslessWebP(width: 1_500, height: 1_500)).write(to: URL(filePath: path))
            defer { unlink(path) }
            let profile = ImageProfile(variants: [.init(quality: "a", side: 64)])
            let plan = ImagePlan(source: try ImageEngine().probe(path: path), profile: profile)
            let result = try ImageEngine().run(plan, input: path, outputPath: { _ in path + ".jpg" })
            unlink(path + ".jpg")
            #expect(result.outputs[0].width == 64)
        }
    }

    /// A picture of one colour, opaque, in some 40 bytes (RFC 9649, chapters 2 and 3).
    static func losslessWebP(width: Int, height: Int) -> [UInt8] {
        var bits: [Int] = []
        func put(_ value: Int, _ count: Int) { for index in 0..<count { bits.append(value >> index & 1) } }
        put(width - 1, 14)
        put(height - 1, 14)
        // Alpha counts; version 0; no transform, no colour cache, no codes of codes.
        for (value, count) in [(1, 1), (0, 3), (0, 1), (0, 1), (0, 1)] { put(value, count) }
        // A simple code of one symbol each: green, red, blue, alpha, distance.
        for symbol in [128, 200, 30, 255, 0] {
            for (value, count) in [(1, 1), (0, 1), (1, 1), (symbol, 8)] { put(value, count) }
        }
        while bits.count % 8 != 0 { bits.append(0) }
        let bytes = stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | UInt8(bits[start + $1] << $1) }
        }
        let content = [0x2F] + bytes
        let padding: [UInt8] = content.count % 2 == 1 ? [0] : []
        return Array("RIFF".utf8) + [UInt8(12 + content.count + padding.count), 0, 0, 0] + Array("WEBPVP8L".utf8)
            + [UInt8(content.count), 0, 0, 0] + content + padding
    }

    @Test func aReadThatFailsIsNotThePicturesFault() throws {
        let watch = EvaluationWatch(limits: .default, progress: { _ in }, isCancelled: { false })
        watch.readFailure.note(EIO)
        let error = try imageError {
            try watch.interruptible { () throws(ImageError) in throw ImageError(.decodeFailed, "bad data") }
        }
        #expect(error.code == .inputUnreadable)
        #expect(error.systemError == EIO)
        #expect(error.isRetriable)
    }

    @Test(arguments: [ENOSPC, EIO, ENOMEM, EDQUOT, EMFILE])
    func aSystemErrorIsNotThePicturesFault(code: Int32) {
        let words = "wbuffer_write: write failed; unix error: \(String(cString: strerror(code)))"
        let error = VipsMessage.error(.decodeFailed, "the image could not be decoded", words: words)
        #expect(error.code != .decodeFailed)
        #expect(error.isRetriable)
        #expect(error.systemError == code)
        #expect(error.message.contains(words))
        #expect(!VipsMessage.error(.decodeFailed, "x", words: "VipsJpeg: Premature end of input file").isRetriable)
    }

    @Test func aFileOfTooManyScansIsRefused() throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 64, height: 48).ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm p.jpg --interlace")
        let jpeg = try lab.bytes("p.jpg")
        let scans = jpeg.indices.filter { jpeg[$0...].starts(with: [0xFF, 0xDA]) }
        let last = try #require(scans.last)
        let scan = jpeg[last..<jpeg.count - 2]
        try lab.write(jpeg[..<last] + (0..<300).flatMap { _ in scan } + [0xFF, 0xD9], "p.jpg")
        let error = try imageError { _ = try lab.convert("p.jpg") }
        #expect(error.code == .limitExceeded)
        #expect(error.message.contains("scans"), "\(error.message)")
    }
}
