/// The directories of a TIFF (TIFF 6.0; BigTIFF), and of camera raw files that are built like one.
struct TIFFStructure: Sendable {
    struct Directory: Sendable {
        /// Up to 16 numbers of each field that has whole numbers; of fractions their whole part.
        fileprivate(set) var numbers: [Int: [Int]] = [:]
        fileprivate(set) var counts: [Int: Int] = [:]
        /// Up to 64 bytes of text.
        fileprivate(set) var texts: [Int: String] = [:]
        /// Whether it was found through another's `SubIFDs`.
        fileprivate(set) var isSub = false

        func number(_ tag: Int) -> Int? { numbers[tag]?.first }

        var width: Int { number(Tag.width) ?? 0 }
        var height: Int { number(Tag.height) ?? 0 }
    }

    enum Tag {
        static let subfileType = 254
        static let width = 256
        static let height = 257
        static let compression = 259
        static let photometric = 262
        static let make = 271
        static let orientation = 274
        static let rowsPerStrip = 278
        static let tileHeight = 323
        static let subDirectories = 330
        static let extraSamples = 338
        static let sampleFormat = 339
        static let subsampling = 530
        static let exif = 34_665
        static let dngVersion = 50_706
        static let defaultCropSize = 50_720
        static let exifWidth = 0xA002
        static let exifHeight = 0xA003
    }

    private(set) var directories: [Directory] = []
    /// The directory of EXIF fields that the first one points to.
    private(set) var exif: Directory?
    private let isLittleEndian: Bool
    private let isBig: Bool
    /// Where the TIFF begins in the file.
    private let base: Int

    private static let mostDirectories = 64
    private static let mostEntries = 2_048

    /// nil for bytes that are no TIFF.
    init?(_ source: SourceBytes, at base: Int = 0) throws(ImageError) {
        self.base = base
        let head = try source.read(at: base, 16)
        guard head.count >= 8, head[0] == head[1], [0x49, 0x4D].contains(head[0]) else { return nil }
        isLittleEndian = head[0] == 0x49
        let view = ByteView(head, isLittleEndian: isLittleEndian)
        isBig = view.number(2, at: 2) == 43
        guard let first = isBig ? view.number(8, at: 8) : view.number(4, at: 4) else { return nil }
        var waiting: [(offset: Int, isSub: Bool)] = [(first, false)]
        var seen: Set<Int> = [0]
        while let next = waiting.popLast(), directories.count < Self.mostDirectories {
            guard seen.insert(next.offset).inserted else { continue }
            guard let (found, following) = try read(source, at: next.offset) else { continue }
            var directory = found
            directory.isSub = next.isSub
            directories.append(directory)
            // The chain first, as the last that is put in is taken out first.
            for offset in (directory.numbers[Tag.subDirectories] ?? []).reversed() { waiting.append((offset, true)) }
            if !next.isSub, let following { waiting.insert((following, false), at: 0) }
        }
        if let offset = directories.first?.number(Tag.exif) { exif = try read(source, at: offset)?.0 }
    }

    private func read(_ source: SourceBytes, at offset: Int) throws(ImageError) -> (Directory, following: Int?)? {
        let (countSize, entrySize, valueSize) = isBig ? (8, 20, 8) : (2, 12, 4)
        guard offset > 0, offset < source.count else { return nil }
        let head = ByteView(try source.read(at: base + offset, countSize), isLittleEndian: isLittleEndian)
        guard let count = head.number(countSize, at: 0), count > 0, count <= Self.mostEntries else { return nil }
        let table = try source.read(at: base + offset + countSize, count * entrySize + valueSize)
        let view = ByteView(table, isLittleEndian: isLittleEndian)
        var directory = Directory()
        for index in 0..<count {
            let at = index * entrySize
            guard let tag = view.number(2, at: at), let type = view.number(2, at: at + 2),
                let length = view.number(isBig ? 8 : 4, at: at + 4)
            else { break }
            let place = at + (isBig ? 12 : 8)
            directory.counts[tag] = length
            let size = Self.size(of: type)
            let wanted = size * min(length, type == 2 ? 64 : 16)
            guard wanted > 0 else { continue }
            let (total, overflow) = size.multipliedReportingOverflow(by: length)
            let values: ByteView
            if !overflow, total <= valueSize {
                values = ByteView(view.slice(place, wanted) ?? [], isLittleEndian: isLittleEndian)
            } else {
                guard let pointer = view.number(valueSize, at: place), pointer < source.count else { continue }
                values = ByteView(try source.read(at: base + pointer, wanted), isLittleEndian: isLittleEndian)
            }
            Self.add(values, tag, type, size, to: &directory)
        }
        return (directory, view.number(valueSize, at: count * entrySize))
    }

    private static func add(_ values: ByteView, _ tag: Int, _ type: Int, _ size: Int, to directory: inout Directory) {
        if type == 2 {
            directory.texts[tag] = String(decoding: values.bytes.prefix { $0 != 0 }, as: UTF8.self)
            return
        }
        directory.numbers[tag] = stride(from: 0, to: values.count - size + 1, by: size).compactMap { offset in
            guard type == 5 else { return values.number(size, at: offset) }
            guard let top = values.number(4, at: offset), let bottom = values.number(4, at: offset + 4), bottom > 0
            else { return nil }
            return top / bottom
        }
    }

    /// Bytes of a value; 0 for types that are not read.
    private static func size(of type: Int) -> Int {
        switch type {
        case 1, 2, 7: 1
        case 3: 2
        case 4, 13: 4
        case 5, 16, 18: 8
        default: 0
        }
    }
}
