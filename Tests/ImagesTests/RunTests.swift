import Foundation
import Images
import Synchronization
import Testing

@Suite struct RunTests {
    private func photo(_ lab: Lab, width: Int = 400, height: Int = 300) throws -> ImagePlan {
        try lab.write(Raster.gradient(width: width, height: height).ppm, "p.ppm")
        try lab.shell("vips jpegsave p.ppm p.jpg")
        return ImagePlan(source: try ImageEngine().probe(path: lab.path("p.jpg")), profile: .default)
    }

    @Test func everyPathIsAskedForBeforeItsFileExists() throws {
        let lab = try Lab()
        let plan = try photo(lab)
        var asked: [String] = []
        let result = try ImageEngine().run(plan, input: lab.path("p.jpg")) { name in
            #expect(!FileManager.default.fileExists(atPath: lab.path(name)))
            asked.append(name)
            return lab.path(name)
        }
        #expect(Set(asked) == Set(plan.variants.map(\.fileName)))
        #expect(result.outputs.map(\.path) == plan.variants.map { lab.path($0.fileName) })
        // As an object of a local store has, which the file may become; the workspace lets nobody else in.
        let mode = try #require(
            FileManager.default.attributesOfItem(atPath: lab.path("180p.jpg"))[.posixPermissions] as? Int
        )
        #expect(mode & 0o600 == 0o600 && mode & ~0o644 == 0)
    }

    @Test func variantsOfOneSizeAreOneFileSeveralTimes() throws {
        let lab = try Lab()
        let plan = try photo(lab, width: 300, height: 200)
        _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { lab.path($0) })
        #expect(try lab.bytes("360p.jpg") == lab.bytes("1080p.jpg"))
        #expect(try lab.bytes("720p.jpg") == lab.bytes("1080p.jpg"))
    }

    @Test func theCallersErrorIsHandedBack() throws {
        struct LedgerFull: Error {}
        let lab = try Lab()
        let plan = try photo(lab)
        let error = try imageError {
            _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { _ in throw LedgerFull() })
        }
        #expect(error.code == .outputRefused)
        #expect(error.underlying is LedgerFull)
        #expect(error.isRetriable)
    }

    @Test(arguments: [("/dev/full", 28), ("/nowhere/at/all.jpg", 2), ("/", 21)])
    func aFullOrMissingDiskIsRetriable(path: String, code: Int) throws {
        let lab = try Lab()
        let plan = try photo(lab)
        let error = try imageError {
            _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { _ in path })
        }
        #expect(error.code == .writeFailed)
        #expect(error.systemError == Int32(code))
        #expect(error.isRetriable)
        #expect(error.message.hasPrefix(path))
    }

    @Test func aSymbolicLinkIsNotWrittenThrough() throws {
        let lab = try Lab()
        let plan = try photo(lab)
        try lab.shell("echo precious > target; for q in 180p 360p 720p 1080p; do ln -s target $q.jpg; done")
        let error = try imageError {
            _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { lab.path($0) })
        }
        #expect(error.code == .writeFailed)
        #expect(try lab.bytes("target") == Array("precious\n".utf8))
    }

    @Test func whatAnEarlierAttemptLeftIsReplaced() throws {
        let lab = try Lab()
        let plan = try photo(lab)
        try lab.write([UInt8](repeating: 1, count: 900_000), "180p.jpg")
        let result = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { lab.path($0) })
        #expect(Int64(try lab.bytes("180p.jpg").count) == result.outputs.first?.sizeBytes)
    }

    @Test func progressRisesToOne() throws {
        let lab = try Lab()
        let plan = try photo(lab, width: 1_500, height: 1_200)
        let seen = Mutex<[Double]>([])
        _ = try ImageEngine().run(
            plan,
            input: lab.path("p.jpg"),
            outputPath: { lab.path($0) },
            progress: { fraction in seen.withLock { $0.append(fraction) } }
        )
        let fractions = seen.withLock { $0 }
        #expect(fractions.count > 4)
        #expect(fractions == fractions.sorted())
        #expect(fractions.last == 1)
    }

    @Test func cancellingBeforeTheStartWritesNothing() throws {
        let lab = try Lab()
        let plan = try photo(lab)
        let error = try imageError {
            _ = try ImageEngine().run(
                plan,
                input: lab.path("p.jpg"),
                outputPath: { lab.path($0) },
                isCancelled: { true }
            )
        }
        #expect(error.code == .cancelled)
        #expect(!FileManager.default.fileExists(atPath: lab.path("1080p.jpg")))
    }

    /// Turned pictures are computed in two passes, and the first has to notice too.
    @Test(arguments: [1, 6])
    func cancellingStopsADecodeThatIsUnderWay(orientation: Int) throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 400, height: 300).ppm, "p.ppm")
        try lab.shell("vips zoom p.ppm big.jpg 20 20")
        try lab.write(Fixtures.tagging(jpeg: lab.bytes("big.jpg"), orientation: orientation), "p.jpg")
        let plan = ImagePlan(source: try ImageEngine().probe(path: lab.path("p.jpg")), profile: .default)
        let latest = Mutex(0.0)
        let error = try imageError {
            _ = try ImageEngine().run(
                plan,
                input: lab.path("p.jpg"),
                outputPath: { lab.path($0) },
                progress: { fraction in latest.withLock { $0 = fraction } },
                isCancelled: { latest.withLock { $0 } > 0.1 }
            )
        }
        #expect(error.code == .cancelled)
        #expect(latest.withLock { $0 } < 0.5)
        #expect(!FileManager.default.fileExists(atPath: lab.path("1080p.jpg")))
    }

    /// Counts looks at the flag once `isDue`, and cancels at the first of them if `cancels`.
    private func looks(
        _ lab: Lab,
        _ plan: ImagePlan,
        _ input: String,
        cancels: Bool,
        isDue: @escaping @Sendable (_ progress: Double, _ looks: Int) -> Bool
    ) throws -> (count: Int, error: ImageError?) {
        let state = Mutex((progress: 0.0, all: 0, due: 0))
        var error: ImageError?
        do throws(ImageError) {
            _ = try ImageEngine().run(
                plan,
                input: lab.path(input),
                outputPath: { lab.path($0) },
                progress: { fraction in state.withLock { $0.progress = fraction } },
                isCancelled: {
                    state.withLock { state in
                        state.all += 1
                        guard isDue(state.progress, state.all) else { return false }
                        state.due += 1
                        return cancels
                    }
                }
            )
        } catch let thrown {
            error = thrown
        }
        return (state.withLock { $0.due }, error)
    }

    @Test func cancellingStopsAnEncodingThatIsUnderWay() throws {
        let lab = try Lab()
        try lab.write(Raster.gradient(width: 400, height: 300).ppm, "p.ppm")
        try lab.shell("vips zoom p.ppm p.jpg 16 16")
        let profile = ImageProfile(variants: [.init(quality: "large", side: 6_400)])
        let plan = ImagePlan(source: try ImageEngine().probe(path: lab.path("p.jpg")), profile: profile)
        // The picture is decoded.
        let whole = try looks(lab, plan, "p.jpg", cancels: false) { progress, _ in progress >= 0.7 }
        #expect(whole.error == nil)
        #expect(whole.count > 240)
        let cut = try looks(lab, plan, "p.jpg", cancels: true) { progress, _ in progress >= 0.7 }
        #expect(cut.error?.code == .cancelled)
        // The strips of rows that are under way are finished: more of them on a machine that is busy.
        #expect(cut.count <= 100)
    }

    /// Formats whose pixels come in one piece: the flag is looked at when their bytes are read.
    @Test(arguments: ["interlaced.png", "progressive.jpg"])
    func cancellingStopsADecoderThatReadsOnAndOn(name: String) throws {
        let lab = try Lab()
        try lab.shell("vips gaussnoise n.v 2000 1500 --mean 128 --sigma 60; vips cast n.v n.png[interlace] uchar")
        try lab.shell("mv n.png interlaced.png; vips jpegsave interlaced.png progressive.jpg --interlace --Q 95")
        let plan = ImagePlan(source: try ImageEngine().probe(path: lab.path(name)), profile: .default)
        let whole = try looks(lab, plan, name, cancels: false) { progress, _ in progress == 0 }
        #expect(whole.error == nil)
        #expect(whole.count > 100)
        let half = whole.count / 2
        let cut = try looks(lab, plan, name, cancels: true) { _, looks in looks > half }
        #expect(cut.error?.code == .cancelled)
        #expect(cut.count <= 8)
    }

    @Test func aProbeCanBeCancelledWhileItLooksForTransparency() throws {
        let lab = try Lab()
        try lab.write(Raster.flat(.orange, width: 400, height: 300).pam, "p.pam")
        try lab.shell("ffmpeg -v error -i p.pam -pix_fmt rgba base.png; vips zoom base.png p.png[compression=1] 8 8")
        let error = try imageError {
            _ = try ImageEngine().probe(path: lab.path("p.png"), isCancelled: { true })
        }
        #expect(error.code == .cancelled)
    }

    @Test func anInputThatIsNotThePlannedOneIsRefused() throws {
        let lab = try Lab()
        var plan = try photo(lab)
        plan.sourceWidth = 401
        let error = try imageError {
            _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { lab.path($0) })
        }
        #expect(error.code == .inputChanged)
        #expect(error.message == "the image is 400×300 pixels, and the plan was made for 401×300")
    }

    @Test func imagesOfSeveralThreadsDoNotDisturbEachOther() async throws {
        let lab = try Lab()
        let plan = try photo(lab, width: 900, height: 700)
        let alone = try lab.convert("p.jpg").result.outputs.map { try lab.bytes($0.fileName) }
        try lab.write(Array(lab.bytes("p.jpg").prefix(3_000)), "bad.jpg")
        let input = lab.path("p.jpg")
        let bad = lab.path("bad.jpg")
        let directory = lab.directory
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<8 {
                group.addTask {
                    if index % 2 == 0 {
                        let prefix = directory.path + "/\(index)-"
                        _ = try ImageEngine().run(plan, input: input, outputPath: { prefix + $0 })
                    } else {
                        let error = try imageError {
                            _ = try ImageEngine().run(plan, input: bad, outputPath: { "/nowhere/" + $0 })
                        }
                        #expect(error.code == .decodeFailed)
                    }
                }
            }
            try await group.waitForAll()
        }
        for index in [0, 2, 4, 6] {
            #expect(try plan.variants.map { try lab.bytes("\(index)-\($0.fileName)") } == alone)
        }
    }

    @Test func thereAreNoOpenFilesLeftBehind() throws {
        let lab = try Lab()
        let plan = try photo(lab)
        try lab.write(Array(lab.bytes("p.jpg").prefix(2_000)), "bad.jpg")
        func openInputs() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .filter { name in
                    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
                    return target?.hasPrefix(lab.directory.path) == true
                }.count
        }
        for _ in 0..<5 {
            _ = try ImageEngine().run(plan, input: lab.path("p.jpg"), outputPath: { lab.path($0) })
            _ = try imageError {
                _ = try ImageEngine().run(plan, input: lab.path("bad.jpg"), outputPath: { lab.path($0) })
            }
        }
        #expect(try openInputs() == 0)
    }
}
