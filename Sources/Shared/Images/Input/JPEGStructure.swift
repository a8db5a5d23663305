/// The markers of a JPEG (ITU-T T.81, annex B): what it claims to be, and how far its data goes.
struct JPEGStructure: Sendable, Equatable {
    /// The start-of-frame marker's second byte: 0xC0 baseline, 0xC2 progressive, 0xC3 lossless, …
    private(set) var process: UInt8 = 0
    private(set) var precision = 0
    private(set) var width = 0
    private(set) var height = 0
    /// Horizontal and vertical sampling factors.
    private(set) var sampling: [(horizontal: Int, vertical: Int)] = []
    private(set) var scanCount = 0
    /// Whether the end mark is there.
    private(set) var hasEnd = false
    /// Components whose first scan, at the least their mean values, is followed by another marker.
    private var begun: Set<UInt8> = []
    private var mostInScan = 0

    static func == (left: Self, right: Self) -> Bool {
        left.process == right.process && left.width == right.width && left.height == right.height
    }

    /// More scans than any encoder makes; a file of them keeps a decoder busy for hours.
    static let mostScans = 200

    var isProgressive: Bool { process == 0xC2 || process == 0xCA }

    /// Whether all of the picture is there, in however poor a quality: in a progressive file the first scans go over
    /// all of it.
    var coversWholePicture: Bool { isProgressive && begun.count >= max(sampling.count, 1) }

    /// Decoders keep the coefficients of a file with several scans, 2 bytes each (libjpeg: `has_multiple_scans`).
    var coefficientBytes: Int64 {
        guard isProgressive || mostInScan < sampling.count else { return 0 }
        let (most, tallest) = (sampling.map(\.horizontal).max() ?? 1, sampling.map(\.vertical).max() ?? 1)
        return sampling.reduce(0) { sum, factors in
            let columns = Int64(width) * Int64(factors.horizontal) / Int64(max(most, 1)) + 16
            let rows = Int64(height) * Int64(factors.vertical) / Int64(max(tallest, 1)) + 16
            return sum + columns * rows * 2
        }
    }

    /// The name of a kind that no decoder here reads; nil for one that can be read.
    var unreadableKind: String? {
        switch process {
        case 0xC0, 0xC1, 0xC2, 0xC9, 0xCA: precision == 8 ? nil : "a JPEG of \(precision) bits"
        case 0xC3, 0xCB: "a lossless JPEG"
        case 0xF7: "a JPEG-LS"
        case 0xC5...0xC7, 0xCD...0xCF: "a hierarchical JPEG"
        default: nil
        }
    }

    /// Reads the markers from `offset` on, where the file's start mark is.
    ///
    /// - Parameter stopsAtScan: whether to leave at the first scan, with the frame's size.
    /// - Returns: nil where no frame is found.
    init?(_ source: SourceBytes, at offset: Int = 0, stopsAtScan: Bool = false) throws(ImageError) {
        var cursor = ByteCursor(source, at: offset + 2)
        // A head is looked for in many places, most of which are none: a look at one ends soon.
        var left = Int.max
        if stopsAtScan { (left, cursor.mostPassed) = (Self.mostHeadSegments, Self.mostPassedInHead) }
        while left > 0, try readSegment(&cursor, stopsAtScan) { left -= 1 }
        guard process != 0 else { return nil }
    }

    /// Segments in front of a frame; a colour profile alone may take 255.
    private static let mostHeadSegments = 512
    /// Bytes between two segments of a head that belong to none.
    private static let mostPassedInHead = 1_024

    /// - Returns: whether there is more.
    private mutating func readSegment(_ cursor: inout ByteCursor, _ stopsAtScan: Bool) throws(ImageError) -> Bool {
        guard let mark = try cursor.nextMarker() else { return false }
        switch mark {
        case 0xD9:
            hasEnd = true
            return false
        case 0x01, 0xD0...0xD8: return true
        default: break
        }
        let content = ByteView(try cursor.peek(32))
        guard let length = content.number(2, at: 0), length >= 2 else { return false }
        switch mark {
        case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF, 0xF7:
            guard process == 0, readFrame(mark, content) else { return false }
        case 0xDA:
            guard process != 0, !stopsAtScan else { return false }
            return try readScan(&cursor, content, length)
        default: break
        }
        cursor.skip(length)
        return !(stopsAtScan && process != 0)
    }

    private mutating func readFrame(_ mark: UInt8, _ content: ByteView) -> Bool {
        guard let depth = content.byte(2), let lines = content.number(2, at: 3), let columns = content.number(2, at: 5),
            let count = content.byte(7), (1...4).contains(count), (2...16).contains(depth)
        else { return false }
        for index in 0..<Int(count) {
            guard let factors = content.byte(9 + index * 3), factors >> 4 > 0, factors & 15 > 0 else { return false }
            sampling.append((Int(factors >> 4), Int(factors & 15)))
        }
        (process, precision, height, width) = (mark, Int(depth), lines, columns)
        return true
    }

    private mutating func readScan(_ cursor: inout ByteCursor, _ content: ByteView, _ length: Int) throws(ImageError)
        -> Bool
    {
        scanCount += 1
        let count = Int(content.byte(2) ?? 0)
        mostInScan = max(mostInScan, count)
        guard scanCount <= Self.mostScans else { return false }
        let startsAtMean = content.byte(3 + count * 2) == 0
        cursor.skip(length)
        guard try cursor.skipToMarker() else { return false }
        if startsAtMean { for index in 0..<min(count, 4) { begun.insert(content.byte(3 + index * 2) ?? 0) } }
        return true
    }
}

/// Goes through a file from front to back, in pieces.
private struct ByteCursor {
    private static let pieceBytes = 1 << 18
    private let source: SourceBytes
    private var piece: [UInt8] = []
    private var start: Int
    private var position: Int

    /// Bytes that are passed in search of a marker; after these there is none.
    var mostPassed = Int.max

    init(_ source: SourceBytes, at offset: Int) {
        self.source = source
        start = offset
        position = offset
    }

    /// The byte at the present place; nil at the end of the file.
    private mutating func current() throws(ImageError) -> UInt8? {
        if position < start || position - start >= piece.count {
            piece = try source.read(at: position, Self.pieceBytes)
            start = position
        }
        return piece.isEmpty ? nil : piece[position - start]
    }

    mutating func peek(_ count: Int) throws(ImageError) -> [UInt8] { try source.read(at: position, count) }

    mutating func skip(_ count: Int) { position += count }

    /// Passes 0xFF and fill bytes, and returns the marker after them. Other bytes before it are passed, as decoders do.
    mutating func nextMarker() throws(ImageError) -> UInt8? {
        guard try skipToMarker() else { return nil }
        position += 1
        while let byte = try current() {
            position += 1
            if byte != 0xFF { return byte }
        }
        return nil
    }

    /// Goes on to the next 0xFF of a marker that is none of coded data: not a stuffed byte, and no restart.
    ///
    /// - Returns: whether there is one.
    mutating func skipToMarker() throws(ImageError) -> Bool {
        let begin = position
        while position - begin <= mostPassed, try current() != nil {
            let found = piece[(position - start)...].firstIndex(of: 0xFF)
            guard let found else {
                position = start + piece.count
                continue
            }
            position = start + found
            if position - begin > mostPassed { return false }
            let next = try source.count > position + 1 ? following() : nil
            guard let next else { return false }
            if next != 0, !(0xD0...0xD7).contains(next), next != 0xFF { return true }
            position += next == 0xFF ? 1 : 2
        }
        return false
    }

    private func following() throws(ImageError) -> UInt8? {
        position + 1 - start < piece.count ? piece[position + 1 - start] : try source.read(at: position + 1, 1).first
    }
}
