import Synchronization
import Testing

@testable import Storage

@Suite("A window of ranges")
struct RangeWindowTests {
    private final class Output: Sendable { let bytes = Mutex<[UInt8]>([]) }

    private static let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    private func window(from start: Int64 = 0, _ count: Int, of rangeBytes: Int64) -> (RangeWindow, Output) {
        var ranges = SourceRanges()
        (ranges.count, ranges.rangeBytes) = (count, rangeBytes)
        let output = Output()
        let window = RangeWindow(from: start, to: Int64(Self.content.count), ranges) { bytes in
            output.bytes.withLock { $0.append(contentsOf: bytes) }
        }
        return (window, output)
    }

    private func give(_ window: RangeWindow, _ range: RangeWindow.Range, _ start: Int64, _ end: Int64) throws {
        try Self.content[Int(start)..<Int(end)].withUnsafeBytes { try window.receive($0, of: range) }
    }

    @Test("begins no more of them than may be ahead of the first that is not whole")
    func bounded() throws {
        let (window, output) = window(3, of: 100)
        let first = (0..<3).compactMap { _ in window.next() }
        try #require(first.map(\.start) == [0, 100, 200] && window.next() == nil)
        for range in first.dropFirst() {
            try give(window, range, range.start, range.end)
            try window.finish(range)
        }
        #expect(window.next() == nil && output.bytes.withLock { $0.isEmpty })
        try give(window, first[0], 0, 40)
        #expect(output.bytes.withLock { $0.count } == 40)
        try give(window, first[0], 40, 100)
        try window.finish(first[0])
        #expect(output.bytes.withLock { $0 } == Array(Self.content[..<300]))
        #expect((0..<3).compactMap { _ in window.next() }.map(\.start) == [300, 400, 500] && window.next() == nil)
    }

    @Test("has ranges that end with the source, and none of a source that is whole")
    func ends() {
        let (window, _) = window(from: 950, 16, of: 30)
        #expect(window.next().map { [$0.start, $0.end] } == [950, 980])
        #expect(window.next().map { [$0.start, $0.end] } == [980, 1000])
        #expect(window.next() == nil)
        #expect(self.window(from: 1000, 4, of: 30).0.next() == nil)
        #expect(self.window(4, of: .max).0.next().map { [$0.start, $0.end] } == [0, 1000])
    }

    @Test("gives all bytes in order, in whatever order they come", arguments: 1...50 as ClosedRange<UInt64>)
    func anyOrder(seed: UInt64) throws {
        var state = seed
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        let start = Int64(random(300))
        let (window, output) = window(from: start, 1 + random(6), of: Int64(1 + random(120)))
        var open: [(range: RangeWindow.Range, place: Int64)] = []
        while true {
            while let range = window.next() { open.append((range, range.start)) }
            if open.isEmpty { break }
            let index = random(open.count)
            let (range, place) = open[index]
            let end = min(place + Int64(1 + random(40)), range.end)
            try give(window, range, place, end)
            open[index].place = end
            if end == range.end {
                try window.finish(range)
                open.remove(at: index)
            }
        }
        #expect(output.bytes.withLock { $0 } == Array(Self.content[Int(start)...]))
    }
}
