/// A camera's raw file: the sensor's values, which nothing here develops, and JPEGs that the camera has made of them.
struct CameraRaw: Sendable, Equatable {
    /// The usual extension, which is the name of the kind: `NEF`, `DNG`, …
    var kind: String
    var mimeType: String
    /// The longer side in pixels of the picture that the sensor took; 0 where the file does not say.
    var longSide = 0
    /// EXIF orientation, 1…8, by the file's own fields.
    var orientation: Int?

    /// A JPEG within the file.
    struct Preview: Sendable, Equatable {
        var offset: Int
        var width: Int
        var height: Int
        var longSide: Int { max(width, height) }
    }

    /// nil for a file that is no camera raw.
    static func find(_ head: [UInt8], _ source: SourceBytes) throws(ImageError) -> CameraRaw? {
        let view = ByteView(head)
        if view.has("FUJIFILMCCD-RAW", at: 0) { return try fuji(source) }
        if view.has("ftypcrx ", at: 4) { return try canon3(source) }
        if let known = others.first(where: { view.has($0.mark, at: $0.offset) }) {
            return CameraRaw(kind: known.kind, mimeType: known.mimeType)
        }
        if ["IIRO", "IIRS", "MMOR", "IIU\0"].contains(where: { view.has($0, at: 0) }) {
            let kind = view.has("IIU\0", at: 0) ? ("RW2", "image/x-panasonic-rw2") : ("ORF", "image/x-olympus-orf")
            guard let tiff = try TIFFStructure(source) else { return CameraRaw(kind: kind.0, mimeType: kind.1) }
            return CameraRaw(kind.0, kind.1, tiff)
        }
        guard SourceFormat(firstBytes: head) == .tiff, let tiff = try TIFFStructure(source) else { return nil }
        if view.has("CR", at: 8), view.number(1, at: 10) == 2 { return CameraRaw("CR2", "image/x-canon-cr2", tiff) }
        guard isRaw(tiff) else { return nil }
        let first = tiff.directories[0]
        if first.counts[TIFFStructure.Tag.dngVersion] != nil { return CameraRaw("DNG", "image/x-adobe-dng", tiff) }
        let make = (first.texts[TIFFStructure.Tag.make] ?? "").uppercased()
        let known = makes.first { make.hasPrefix($0.make) }
        return CameraRaw(known?.kind ?? "TIFF", known?.mimeType ?? "image/x-dcraw", tiff)
    }

    private static let makes = [
        (make: "NIKON", kind: "NEF", mimeType: "image/x-nikon-nef"),
        (make: "SONY", kind: "ARW", mimeType: "image/x-sony-arw"),
        (make: "PENTAX", kind: "PEF", mimeType: "image/x-pentax-pef"),
        (make: "RICOH", kind: "PEF", mimeType: "image/x-pentax-pef"),
        (make: "SAMSUNG", kind: "SRW", mimeType: "image/x-samsung-srw"),
        (make: "HASSELBLAD", kind: "3FR", mimeType: "image/x-hasselblad-3fr"),
        (make: "OLYMPUS", kind: "ORF", mimeType: "image/x-olympus-orf"),
        (make: "PANASONIC", kind: "RW2", mimeType: "image/x-panasonic-rw2"),
        (make: "CANON", kind: "CR2", mimeType: "image/x-canon-cr2"),
        (make: "KODAK", kind: "DCR", mimeType: "image/x-kodak-dcr"),
        (make: "EPSON", kind: "ERF", mimeType: "image/x-epson-erf"),
        (make: "PHASE ONE", kind: "IIQ", mimeType: "image/x-phaseone-iiq"),
        (make: "LEAF", kind: "MOS", mimeType: "image/x-leaf-mos"),
    ]

    private static let others = [
        (mark: "FOVb", offset: 0, kind: "X3F", mimeType: "image/x-sigma-x3f"),
        (mark: "\0MRM", offset: 0, kind: "MRW", mimeType: "image/x-minolta-mrw"),
        (mark: "HEAPCCDR", offset: 6, kind: "CRW", mimeType: "image/x-canon-crw"),
    ]

    // MARK: Built like TIFF

    /// Colour filter array (32803), or what it gave before it was developed (34892): DNG 1.7, chapter 4.
    private static let sensorPhotometrics: Set<Int> = [32_803, 34_892]
    /// Compressions that only cameras use: Nikon, Sony, Samsung, Pentax, Kodak.
    private static let sensorCompressions: Set<Int> = [34_713, 32_767, 32_770, 32_772, 65_535, 65_000]

    private static func isSensor(_ directory: TIFFStructure.Directory) -> Bool {
        sensorPhotometrics.contains(directory.number(TIFFStructure.Tag.photometric) ?? 0)
            || sensorCompressions.contains(directory.number(TIFFStructure.Tag.compression) ?? 0)
    }

    private static func isRaw(_ tiff: TIFFStructure) -> Bool {
        guard let first = tiff.directories.first else { return false }
        if first.counts[TIFFStructure.Tag.dngVersion] != nil { return true }
        if tiff.directories.contains(where: isSensor) { return true }
        // A reduced picture in front, and the whole one behind it.
        return (first.number(TIFFStructure.Tag.subfileType) ?? 0) & 1 == 1
            && first.counts[TIFFStructure.Tag.subDirectories] != nil
    }

    private init(_ kind: String, _ mimeType: String, _ tiff: TIFFStructure) {
        (self.kind, self.mimeType) = (kind, mimeType)
        let first = tiff.directories.first
        orientation = first?.number(TIFFStructure.Tag.orientation).flatMap { (1...8).contains($0) ? $0 : nil }
        let crops = tiff.directories.compactMap { $0.numbers[TIFFStructure.Tag.defaultCropSize]?.max() }
        let sensors = tiff.directories.filter(Self.isSensor).map { max($0.width, $0.height) }
        let exif = [TIFFStructure.Tag.exifWidth, TIFFStructure.Tag.exifHeight].compactMap { tiff.exif?.number($0) }
        // Panasonic's borders of the sensor that are shown: top, left, bottom, right.
        let borders = (4...7).compactMap { first?.number($0) }
        let panasonic = kind == "RW2" && borders.count == 4 ? [borders[2] - borders[0], borders[3] - borders[1]] : []
        let all = tiff.directories.map { max($0.width, $0.height) }
        for sides in [crops, panasonic, sensors, exif, all] {
            guard let most = sides.max(), most > 0 else { continue }
            longSide = most
            break
        }
    }

    init(kind: String, mimeType: String) { (self.kind, self.mimeType) = (kind, mimeType) }

    // MARK: Others

    /// The header of RAF: at 92 the offset of records of a tag and a size (2 bytes each) with their content; 0x111 is
    /// the height and width that are shown, 0x100 those of the sensor.
    private static func fuji(_ source: SourceBytes) throws(ImageError) -> CameraRaw {
        var raw = CameraRaw(kind: "RAF", mimeType: "image/x-fuji-raf")
        let head = ByteView(try source.read(at: 0, 120))
        guard let offset = head.number(4, at: 92) else { return raw }
        let records = ByteView(try source.read(at: offset, 16 << 10))
        var at = 4
        for _ in 0..<min(records.number(4, at: 0) ?? 0, 256) {
            guard let tag = records.number(2, at: at), let size = records.number(2, at: at + 2) else { break }
            if tag == 0x111 || tag == 0x100 && raw.longSide == 0 {
                raw.longSide = max(records.number(2, at: at + 4) ?? 0, records.number(2, at: at + 6) ?? 0)
            }
            at += 4 + size
        }
        return raw
    }

    /// CR3 is an ISO base media file: its tracks have a visual sample entry `CRAW`, its main fields are a TIFF in a box
    /// `CMT1`.
    private static func canon3(_ source: SourceBytes) throws(ImageError) -> CameraRaw {
        var raw = CameraRaw(kind: "CR3", mimeType: "image/x-canon-cr3")
        let head = try source.read(at: 0, 256 << 10)
        let view = ByteView(head)
        // The first box counts: each one that is read takes a while.
        var (at, hasFields) = (0, false)
        while let found = head[at...].firstIndex(of: UInt8(ascii: "C")) {
            at = found + 1
            if view.has("CRAW", at: found), let width = view.number(2, at: found + 28),
                let height = view.number(2, at: found + 30)
            {
                raw.longSide = max(raw.longSide, width, height)
            } else if !hasFields, view.has("CMT1", at: found), let tiff = try TIFFStructure(source, at: found + 4) {
                hasFields = true
                raw.orientation = tiff.directories.first?.number(TIFFStructure.Tag.orientation)
                    .flatMap { (1...8).contains($0) ? $0 : nil }
            }
        }
        return raw
    }

    // MARK: Previews

    private static let mostPreviews = 256
    /// Places that look like the start of a JPEG. Values of a sensor do so once in some megabytes; a file that is made
    /// of such places would keep a worker busy for hours.
    private static let mostMarks = 4_096
    private static let pieceBytes = 1 << 20

    /// The largest JPEG in the file that can be shown. Looked for by its marks, so that no maker's notes need be read;
    /// values of a sensor look like the whole head of a JPEG once in many thousand files.
    func largestPreview(_ source: SourceBytes) throws(ImageError) -> Preview? {
        var best: Preview?
        var (offset, found, looks) = (0, 0, 0)
        while offset < source.count, found < Self.mostPreviews, looks < Self.mostMarks {
            let piece = try source.read(at: offset, Self.pieceBytes)
            guard piece.count >= 4 else { break }
            for start in Self.startMarks(piece) where found < Self.mostPreviews && looks < Self.mostMarks {
                looks += 1
                guard let jpeg = try JPEGStructure(source, at: offset + start, stopsAtScan: true) else { continue }
                found += 1
                guard jpeg.unreadableKind == nil, jpeg.sampling.count != 4 || kind != "DNG" else { continue }
                let preview = Preview(offset: offset + start, width: jpeg.width, height: jpeg.height)
                if preview.width > 0, preview.height > 0,
                    preview.width * preview.height > (best?.width ?? 0) * (best?.height ?? 0)
                {
                    best = preview
                }
            }
            // A mark may lie across two pieces.
            offset += piece.count < Self.pieceBytes ? piece.count : piece.count - 3
        }
        return best
    }

    /// Where a start mark and the first byte of a table or of an application's segment stand.
    private static func startMarks(_ piece: [UInt8]) -> [Int] {
        piece.withUnsafeBytes { bytes in
            var marks: [Int] = []
            var index = 0
            while index + 3 < bytes.count {
                guard bytes[index] == 0xFF, bytes[index + 1] == 0xD8, bytes[index + 2] == 0xFF else {
                    index += 1
                    continue
                }
                if [0xDB, 0xC4, 0xFE, 0xC0, 0xC2].contains(bytes[index + 3]) || bytes[index + 3] & 0xF0 == 0xE0 {
                    marks.append(index)
                }
                index += 3
            }
            return marks
        }
    }
}
