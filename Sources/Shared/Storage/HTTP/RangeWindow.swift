internal import Synchronization

/// Puts ranges that come at the same time in order: the first one that is not whole goes on at once, and what has come
/// of the next ones waits in memory. A range is only begun when so many before it are whole, so that is bounded.
final class RangeWindow: Sendable {
    struct Range: Sendable, Hashable {
        var index: Int
        /// Places in the source: the first byte, and the one after the last.
        var start: Int64
        var end: Int64
    }

    private struct State {
        /// The next range to begin.
        var next = 0
        /// The first one that is not whole.
        var front = 0
        /// What has come of others.
        var ahead: [Int: [UInt8]] = [:]
        var whole: Set<Int> = []
    }

    /// Pieces that are passed on at a time, so that whoever cancels is heard.
    private static let pieceBytes = 1 << 20

    private let start: Int64
    private let end: Int64
    private let ranges: SourceRanges
    private let write: @Sendable (UnsafeRawBufferPointer) throws -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - start: the first byte that is missing.
    ///   - end: the size of the source.
    ///   - write: gets all bytes in order, one call at a time.
    init(
        from start: Int64,
        to end: Int64,
        _ ranges: SourceRanges,
        write: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void
    ) {
        self.start = start
        self.end = end
        self.ranges = ranges
        self.write = write
    }

    /// The range to begin now; nil when none may be, or all are.
    func next() -> Range? {
        state.withLock { state in
            let (offset, overflow) = ranges.rangeBytes.multipliedReportingOverflow(by: Int64(state.next))
            guard state.next < state.front + ranges.count, !overflow, offset < end - start else { return nil }
            defer { state.next += 1 }
            let first = start + offset
            return Range(index: state.next, start: first, end: first + min(ranges.rangeBytes, end - first))
        }
    }

    /// Takes the next bytes of a range. Bytes beyond its end are a mistake of the caller.
    ///
    /// - Throws: what writing throws.
    func receive(_ bytes: UnsafeRawBufferPointer, of range: Range) throws {
        try state.withLock { state in
            if range.index == state.front { return try write(bytes) }
            if state.ahead[range.index] == nil {
                var room: [UInt8] = []
                room.reserveCapacity(Int(range.end - range.start))
                state.ahead[range.index] = room
            }
            state.ahead[range.index]?.append(contentsOf: bytes)
        }
    }

    /// All of a range has come.
    ///
    /// - Throws: what writing throws.
    func finish(_ range: Range) throws {
        try state.withLock { state in
            state.whole.insert(range.index)
            while state.whole.remove(state.front) != nil {
                state.front += 1
                guard let bytes = state.ahead.removeValue(forKey: state.front) else { continue }
                try bytes.withUnsafeBytes { bytes in
                    for place in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
                        let piece = bytes[place..<min(place + Self.pieceBytes, bytes.count)]
                        try write(UnsafeRawBufferPointer(rebasing: piece))
                    }
                }
            }
        }
    }
}
