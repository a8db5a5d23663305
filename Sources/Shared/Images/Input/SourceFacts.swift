/// The facts about a source by its own bytes, found before libvips opens it.
struct SourceFacts: Sendable {
    var format: SourceFormat
    /// Where the picture is in the file: its first byte, and the one after its last.
    var window: Range<Int>
    /// Whether an end mark has to be put behind the last byte.
    var lacksEnd = false
    /// EXIF orientation from outside the picture, for a picture that says nothing of it.
    var orientation: Int?
    /// The colours by code points, where the container tells them.
    var colour: CodedColour?
    var jpeg: JPEGStructure?
    var tiff: TIFFStructure.Directory?
    var isInterlaced = false
    /// Of a camera's raw file, which has a JPEG's ``format``.
    var raw: CameraRaw?
    var warnings: [ImageWarning] = []

    /// - Throws: ``ImageError`` with `unsupportedFormat`, naming the file's format, or `inputUnreadable`.
    init(_ source: SourceBytes, _ policy: ImagePolicy) throws(ImageError) {
        let head = try source.read(at: 0, SourceFormat.sniffedByteCount)
        window = 0..<source.count
        if let raw = try CameraRaw.find(head, source) {
            format = .raw
            try take(raw, source, policy)
            return
        }
        if let known = SourceFormat(firstBytes: head) {
            format = known
        } else if let start = try Self.laterStart(head, source) {
            format = .jpeg
            window = start..<source.count
            let what = "\(start) bytes before the start of the JPEG were passed over"
            warnings.append(ImageWarning(.bytesBeforeStart, what))
        } else {
            throw Self.refusal(ForeignFormat.describe(head), policy)
        }
        guard policy.formats.contains(format) else {
            let isForeign = !SourceFormat.usual.contains(format) || format == .jxl
            throw Self.refusal(isForeign ? ForeignFormat.describe(head) : "a \(format.title) file", policy)
        }
        switch format {
        case .jpeg: try look(atJPEG: source, policy)
        case .png: try look(atPNG: source, policy)
        case .tiff: try look(atTIFF: source, policy)
        case .heif: colour = try HEIFStructure(source)?.usableColour
        default: break
        }
    }

    private static func refusal(_ what: String, _ policy: ImagePolicy) -> ImageError {
        ImageError(
            .unsupportedFormat,
            "the file is \(what); accepted are \(SourceFormat.list(policy.formats)) (IMAGE_FORMATS)"
        )
    }

    // MARK: JPEG

    /// Where a JPEG begins that has something in front of it, such as a line feed of a broken upload.
    private static func laterStart(_ head: [UInt8], _ source: SourceBytes) throws(ImageError) -> Int? {
        guard ForeignFormat.isUnknown(head) else { return nil }
        for start in head.indices where head[start...].starts(with: [0xFF, 0xD8, 0xFF]) {
            if let found = try JPEGStructure(source, at: start, stopsAtScan: true), found.width > 0 { return start }
        }
        return nil
    }

    private mutating func look(atJPEG source: SourceBytes, _ policy: ImagePolicy) throws(ImageError) {
        // One without a frame is left to the decoder's words.
        guard let found = try JPEGStructure(source, at: window.lowerBound) else { return }
        jpeg = found
        if let kind = found.unreadableKind { throw Self.refusal(kind, policy) }
        guard found.scanCount <= JPEGStructure.mostScans else {
            throw ImageError(
                .limitExceeded,
                "the JPEG has more than \(JPEGStructure.mostScans) scans, which no camera or program makes"
            )
        }
        lacksEnd = found.scanCount > 0 && !found.hasEnd
    }

    // MARK: PNG, TIFF

    private mutating func look(atPNG source: SourceBytes, _ policy: ImagePolicy) throws(ImageError) {
        let found = try PNGStructure(source)
        if found.isCgBI { throw Self.refusal("a PNG in Apple's own variant for apps (CgBI)", policy) }
        isInterlaced = found.isInterlaced
        colour = found.colour
    }

    private mutating func look(atTIFF source: SourceBytes, _ policy: ImagePolicy) throws(ImageError) {
        guard let first = try TIFFStructure(source)?.directories.first else { return }
        tiff = first
        let compression = first.number(TIFFStructure.Tag.compression) ?? 1
        if compression == 6 { throw Self.refusal("a TIFF with old-style JPEG compression (6)", policy) }
        let isYCbCr = first.number(TIFFStructure.Tag.photometric) == 6
        // Without the field both factors are 2 (TIFF 6.0, section 21).
        let factors = first.numbers[TIFFStructure.Tag.subsampling] ?? [2, 2]
        if isYCbCr, compression != 7, factors.contains(where: { $0 > 1 }) {
            throw Self.refusal("a TIFF with subsampled colours (YCbCr) and no JPEG compression", policy)
        }
    }

    // MARK: Camera raw

    private mutating func take(
        _ raw: CameraRaw,
        _ source: SourceBytes,
        _ policy: ImagePolicy
    ) throws(ImageError) {
        self.raw = raw
        let name = "a camera raw file (\(raw.kind))"
        guard policy.formats.contains(.raw), let share = policy.rawPreviewShare else {
            throw Self.refusal(name, policy)
        }
        guard let preview = try raw.largestPreview(source) else {
            throw Self.refusal("\(name) without a JPEG in it, and raw values are not developed", policy)
        }
        guard raw.longSide > 0, Double(preview.longSide) >= share * Double(raw.longSide) else {
            let size = raw.longSide > 0 ? "the picture's longer side has \(raw.longSide)" : "the picture's is not known"
            throw ImageError(
                .unsupportedFormat,
                "the file is \(name), raw values are not developed, and the largest JPEG in it has "
                    + "\(preview.width)×\(preview.height) pixels while \(size); at least "
                    + "\(Int((share * 100).rounded())) % are needed (IMAGE_RAW_PREVIEW_PERCENT)"
            )
        }
        window = preview.offset..<source.count
        orientation = raw.orientation
        let what =
            "the camera raw file (\(raw.kind)) is shown by the JPEG of \(preview.width)×\(preview.height) pixels in it"
        warnings.append(ImageWarning(.rawPreview, what))
        jpeg = try JPEGStructure(source, at: preview.offset)
        lacksEnd = jpeg.map { $0.scanCount > 0 && !$0.hasEnd } ?? false
    }
}

extension HEIFStructure {
    /// The code points, where they are what counts: a profile goes before them, except that no profile of PQ and HLG
    /// says how bright white is.
    var usableColour: CodedColour? { hasProfile && colour?.isHDR != true ? nil : colour }
}
