import Testing

@testable import Media

/// Parts of the engine that need no libav.
@Suite struct LayoutTests {
    private static func box(_ type: String, _ body: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: (body.count + 8) >> $0) } + Array(type.utf8) + body
    }

    private static func index(_ table: [UInt8]) -> [UInt8] {
        let rest = box("mvhd", [1, 2, 3])
        return box("moov", rest + box("trak", box("mdia", box("minf", box("stbl", table)))))
    }

    private static func numbers(_ values: [UInt64], bytes: Int) -> [UInt8] {
        values.flatMap { value in (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    }

    @Test("Chunk offsets grow by the length of the index")
    func offsets() throws {
        let header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 2]
        for (type, width) in [("stco", 4), ("co64", 8)] {
            let index = Self.index(Self.box(type, header + Self.numbers([48, 1_000], bytes: width)))
            let distance = UInt64(index.count)
            let expected = Self.index(
                Self.box(type, header + Self.numbers([48 + distance, 1_000 + distance], bytes: width))
            )
            #expect(ChunkOffsets.moved(index) == expected)
        }
    }

    @Test("Offsets that pass four gigabytes become wide, and the index that grows by that counts")
    func wideOffsets() throws {
        let header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 2]
        let last = UInt64(UInt32.max) - 10
        let index = Self.index(Self.box("stco", header + Self.numbers([48, last], bytes: 4)))
        let distance = UInt64(index.count + 8)
        let expected = Self.index(Self.box("co64", header + Self.numbers([48 + distance, last + distance], bytes: 8)))
        #expect(ChunkOffsets.moved(index) == expected)
    }

    @Test("A damaged index is not understood, and does not trap")
    func damagedIndex() {
        let index = Self.index(Self.box("stco", [0, 0, 0, 0, 0, 0, 0, 1, 9]))
        #expect(ChunkOffsets.moved(index) == nil)
        for length in 0..<index.count { _ = ChunkOffsets.moved(Array(index.prefix(length))) }
    }

    @Test("The least quota of a group and those above it counts, in whole processors")
    func quota() {
        let files = [
            "/r/a/b/cpu.max": "max 100000\n", "/r/a/cpu.max": "250000 100000\n", "/r/cpu.max": "800000 100000\n",
        ]
        #expect(ProcessorShare.quota(ofGroup: "/a/b", root: "/r") { files[$0] } == 2)
        #expect(ProcessorShare.quota(ofGroup: "/", root: "/r") { files[$0] } == 8)
        #expect(ProcessorShare.quota(ofGroup: "/a", root: "/r") { _ in "50000 100000" } == 1)
        #expect(ProcessorShare.quota(ofGroup: "/a", root: "/r") { _ in nil } == nil)
        #expect(ProcessorShare.quota(ofGroup: "/../x", root: "/r") { files[$0] } == nil)
    }

    @Test("Affinity is the number of bits in the kernel's mask")
    func affinity() {
        #expect(ProcessorShare.affinity("Name:\tx\nCpus_allowed:\t3,0000000f\nCpus_allowed_list:\t0-3\n") == 6)
        #expect(ProcessorShare.affinity("Name:\tx\n") == nil)
    }

    @Test("Tones stay below the knee, never cross, and end at white")
    func toneCurve() {
        let peak = 1_000 / ColorCurve.referenceWhite
        let made = stride(from: 0.0, through: peak, by: 0.01).map { ColorCurve.rolled($0, peak: peak) }
        #expect(zip(made, made.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(made[30] == 0.3)
        #expect(abs(ColorCurve.rolled(peak, peak: peak) - 1) < 1e-9)
        #expect(ColorCurve.rolled(2 * peak, peak: peak) == 1)
    }

    @Test("Channels are shared out at equal power")
    func mix() {
        #expect(Resampler.mix(from: 2, to: 2) == [1, 0, 0, 1])
        let matrix = Resampler.mix(from: 9, to: 2)
        #expect(matrix.prefix(9).filter { $0 > 0 }.count == 5 && matrix.suffix(9).filter { $0 > 0 }.count == 4)
    }
}
