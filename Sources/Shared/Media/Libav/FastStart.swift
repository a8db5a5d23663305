import CFFmpeg
import Glibc

/// Moves the index (`moov`) of a finished MP4 file from its end to its front, so that players can begin at once.
///
/// The content is moved back by the length of the index, piece by piece from its end, and the index's chunk offsets
/// grow by as much (ISO 14496-12, 8.7.5).
struct FastStart {
    private static let pieceBytes = 256 << 10
    private static let maximumIndexBytes: Int64 = 1 << 30

    let file: OutputFile
    /// Gets the number of bytes that were moved since the last call.
    let progress: (Int64) -> Void

    /// - Throws: `writeFailed` also when what was written cannot be read again.
    func run() throws(MediaError) {
        try file.reading { reader throws(MediaError) in
            let layout = try layout(reader)
            let index = try bytes(reader, at: layout.index, count: Int(layout.indexBytes))
            guard let moved = ChunkOffsets.moved(index) else { throw broken("its index is not understood") }
            let growth = Int64(moved.count) - layout.indexBytes
            if growth > 0 { try file.state.allowGrowth(of: file.fileName, to: file.sizeBytes + growth) }
            try moveContent(reader, layout.content..<layout.index, by: Int64(moved.count))
            try file.write(moved, at: layout.content)
        }
    }

    private struct Layout {
        /// Where the content begins, behind the file's type.
        var content: Int64
        var index: Int64
        var indexBytes: Int64
    }

    private func layout(_ reader: CInt) throws(MediaError) -> Layout {
        var position: Int64 = 0
        var content: Int64?
        while position + 8 <= file.sizeBytes {
            let header = try bytes(reader, at: position, count: Int(min(16, file.sizeBytes - position)))
            guard let box = MP4Box(header[...], limit: file.sizeBytes - position) else { break }
            if box.type == "ftyp", content == nil {
                position += box.size
                continue
            }
            content = content ?? position
            if box.type == "moov", let content {
                guard position + box.size == file.sizeBytes, box.size <= Self.maximumIndexBytes else { break }
                return Layout(content: content, index: position, indexBytes: box.size)
            }
            position += box.size
        }
        throw broken("it has no index at its end")
    }

    private func moveContent(_ reader: CInt, _ range: Range<Int64>, by distance: Int64) throws(MediaError) {
        var end = range.upperBound
        while end > range.lowerBound {
            try file.state.checkpoint()
            let start = max(range.lowerBound, end - Int64(Self.pieceBytes))
            let piece = try bytes(reader, at: start, count: Int(end - start))
            try file.write(piece, at: start + distance)
            progress(end - start)
            end = start
        }
    }

    private func bytes(_ reader: CInt, at offset: Int64, count: Int) throws(MediaError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = result.withUnsafeMutableBytes {
                pread(reader, $0.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw .write(shim_error(got < 0 ? errno : EIO), fileName: file.fileName) }
            done += got
        }
        return result
    }

    private func broken(_ cause: String) -> MediaError {
        MediaError(
            code: .internalFailure,
            message: "moving the index of \(file.fileName) to its front failed: \(cause)",
            isRetriable: false
        )
    }
}

/// The header of one box of an MP4 file: its size with the header, and its four letters.
struct MP4Box {
    let type: String
    let size: Int64
    let headerBytes: Int

    /// The boxes between a file and its tables of samples.
    private static let ways: Set<String> = ["moov", "trak", "mdia", "minf", "stbl"]
    var leadsToSampleTable: Bool { Self.ways.contains(type) }

    /// - Parameters:
    ///   - bytes: from the beginning of the box; at least 8, or 16 for a large one.
    ///   - limit: the bytes that are there. Nil when the box goes beyond.
    init?(_ bytes: ArraySlice<UInt8>, limit: Int64) {
        func number(_ range: Range<Int>) -> UInt64 {
            bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound]
                .reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard bytes.count >= 8 else { return nil }
        type = String(decoding: bytes[bytes.startIndex + 4..<bytes.startIndex + 8], as: UTF8.self)
        var length = number(0..<4)
        var header = 8
        if length == 1 {
            guard bytes.count >= 16 else { return nil }
            length = number(8..<16)
            header = 16
        } else if length == 0 {
            length = UInt64(max(limit, 0))
        }
        guard length >= UInt64(header), length <= UInt64(max(limit, 0)) else { return nil }
        (size, headerBytes) = (Int64(length), header)
    }
}

/// The chunk offsets within an MP4 file's index.
enum ChunkOffsets {
    /// The index as it has to be when it stands before the content, which it moves back by its own length. Offsets of
    /// 32 bits that would not fit become such of 64. Nil when the index is not understood.
    static func moved(_ index: [UInt8]) -> [UInt8]? {
        // Wider offsets make the index longer, and that may make further ones too large: so all are widened at once.
        for isWide in [false, true] {
            guard var moved = rewritten(index[...], by: 0, isWide: isWide) else { return nil }
            guard let shifted = rewritten(index[...], by: UInt64(moved.count), isWide: isWide) else {
                if isWide { return nil }
                continue
            }
            moved = shifted
            return moved
        }
        return nil
    }

    /// Nil when an offset does not fit, or the boxes do not.
    private static func rewritten(_ bytes: ArraySlice<UInt8>, by distance: UInt64, isWide: Bool) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes
        while !rest.isEmpty {
            guard let box = MP4Box(rest.prefix(16), limit: Int64(rest.count)) else { return nil }
            let whole = rest.prefix(Int(box.size))
            let body = whole.dropFirst(box.headerBytes)
            rest = rest.dropFirst(Int(box.size))
            if box.leadsToSampleTable {
                guard let inner = rewritten(body, by: distance, isWide: isWide) else { return nil }
                append(&result, box.type, inner)
            } else if box.type == "stco" || box.type == "co64" {
                guard let table = offsets(body, isLarge: box.type == "co64", by: distance, isWide: isWide) else {
                    return nil
                }
                append(&result, isWide ? "co64" : box.type, table)
            } else {
                result += whole
            }
        }
        return result
    }

    private static func offsets(_ body: ArraySlice<UInt8>, isLarge: Bool, by distance: UInt64, isWide: Bool) -> [UInt8]?
    {
        let width = isLarge ? 8 : 4
        guard body.count >= 8 else { return nil }
        let entries = body.dropFirst(8)
        guard entries.count.isMultiple(of: width) else { return nil }
        var result = Array(body.prefix(8))
        let target = isLarge || isWide ? 8 : 4
        result.reserveCapacity(8 + entries.count / width * target)
        var position = entries.startIndex
        while position < entries.endIndex {
            let old = entries[position..<position + width].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let (new, overflow) = old.addingReportingOverflow(distance)
            guard !overflow, target == 8 || new <= UInt64(UInt32.max) else { return nil }
            for shift in stride(from: (target - 1) * 8, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: new >> UInt64(shift)))
            }
            position += width
        }
        return result
    }

    private static func append(_ result: inout [UInt8], _ type: String, _ body: [UInt8]) {
        let size = UInt32(clamping: body.count + 8)
        result += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) }
        result += Array(type.utf8)
        result += body
    }
}
