/// The colours of a HEIF or AVIF file (ISO/IEC 23008-12) by code points, which libvips does not tell.
struct HEIFStructure: Sendable {
    /// From the picture's own `colr` box, or else from its codec's header.
    private(set) var colour: CodedColour?
    private(set) var hasProfile = false

    /// As much as the boxes of a picture may take: grids of 64 megapixels have some 20 kB.
    private static let mostMetaBytes = 4 << 20

    /// nil where the structure cannot be read; libheif's own words are better then.
    ///
    /// - Throws: ``ImageError/Code/decodeFailed`` where a box in front of `meta` is too small, or goes on behind the
    ///   end of the file: libheif 1.19 ends the process there (an assertion of `BitstreamRange`).
    init?(_ source: SourceBytes) throws(ImageError) {
        var offset = 0
        for _ in 0..<1_024 {
            let header = ByteView(try source.read(at: offset, 16))
            guard let short = header.number(4, at: 0), short > 0 else { return nil }
            let (size, head) = short == 1 ? (header.number(8, at: 8) ?? 0, 16) : (short, 8)
            guard size >= head else { throw Self.broken("a box has \(size) bytes") }
            if header.has("meta", at: 4) {
                let body = try source.read(at: offset + head, min(size - head, Self.mostMetaBytes))
                self.init(meta: body)
                return
            }
            let (next, overflow) = offset.addingReportingOverflow(size)
            guard !overflow, next <= source.count else { throw Self.broken("a box ends behind the file") }
            offset = next
        }
        throw Self.broken("there are more than a thousand boxes before `meta`")
    }

    private static func broken(_ why: String) -> ImageError {
        ImageError(.decodeFailed, "the HEIC or AVIF file is damaged or not complete: \(why)")
    }

    /// - Parameter meta: the content of the `meta` box.
    init?(meta: [UInt8]) {
        let boxes = Boxes(meta, from: 4)
        guard let primary = boxes.primaryItem else { return nil }
        var properties = boxes.properties(of: primary)
        // Derived pictures (grid, overlay) have the configuration, and often the colours, in what they are made of.
        if let part = boxes.firstPart(of: primary) { properties += boxes.properties(of: part) }
        for colr in properties where colr.kind == "colr" {
            let view = ByteView(colr.body)
            if view.has("prof", at: 0) || view.has("rICC", at: 0) { hasProfile = true }
            if colour == nil, view.has("nclx", at: 0), let primaries = view.number(2, at: 4),
                let transfer = view.number(2, at: 6)
            {
                colour = CodedColour(primaries: primaries, transfer: transfer)
            }
        }
        if colour == nil || colour?.transfer == 2 {
            if let hevc = properties.first(where: { $0.kind == "hvcC" }) {
                colour = HEVCConfiguration.colour(hevc.body) ?? colour
            } else if let av1 = properties.first(where: { $0.kind == "av1C" }) {
                colour = AV1Configuration.colour(av1.body) ?? colour
            }
        }
    }
}

/// The boxes within a `meta` box. What cannot be read is taken as not there.
private struct Boxes {
    struct Box {
        var kind: String
        var body: [UInt8]
    }

    private var found: [String: [UInt8]] = [:]

    init(_ bytes: [UInt8], from start: Int) {
        for box in Self.boxes(bytes, from: start) where found[box.kind] == nil { found[box.kind] = box.body }
    }

    static func boxes(_ bytes: [UInt8], from start: Int) -> [Box] {
        let view = ByteView(bytes)
        var boxes: [Box] = []
        var offset = start
        while boxes.count < 4_096, let size = view.number(4, at: offset), let name = view.slice(offset + 4, 4) {
            let length = size == 0 ? bytes.count - offset : size
            guard length >= 8, let body = view.slice(offset + 8, min(length, bytes.count - offset) - 8) else { break }
            boxes.append(Box(kind: String(decoding: name, as: UTF8.self), body: body))
            offset += length
        }
        return boxes
    }

    var primaryItem: Int? {
        guard let view = found["pitm"].map({ ByteView($0) }) else { return nil }
        return view.byte(0) == 0 ? view.number(2, at: 4) : view.number(4, at: 4)
    }

    /// The first item that a derived one (`dimg`) is made of.
    func firstPart(of item: Int) -> Int? {
        guard let body = found["iref"] else { return nil }
        let size = body.first == 0 ? 2 : 4
        for reference in Self.boxes(body, from: 4) where reference.kind == "dimg" {
            let view = ByteView(reference.body)
            if view.number(size, at: 0) == item { return view.number(size, at: size + 2) }
        }
        return nil
    }

    func properties(of item: Int) -> [Box] {
        guard let iprp = found["iprp"] else { return [] }
        let parts = Self.boxes(iprp, from: 0)
        guard let container = parts.first(where: { $0.kind == "ipco" }) else { return [] }
        let all = Self.boxes(container.body, from: 0)
        return parts.filter { $0.kind == "ipma" }.flatMap { indices($0.body, of: item) }
            .compactMap { all.indices.contains($0 - 1) ? all[$0 - 1] : nil }
    }

    /// Property numbers, from 1, of an item in an `ipma` box.
    private func indices(_ body: [UInt8], of item: Int) -> [Int] {
        let view = ByteView(body)
        let idSize = (view.byte(0) ?? 0) == 0 ? 2 : 4
        let isWide = (view.byte(3) ?? 0) & 1 == 1
        var offset = 8
        for _ in 0..<(min(view.number(4, at: 4) ?? 0, 65_536)) {
            guard let id = view.number(idSize, at: offset), let count = view.byte(offset + idSize) else { return [] }
            offset += idSize + 1
            let size = isWide ? 2 : 1
            if id == item {
                return (0..<Int(count)).compactMap { index in
                    view.number(size, at: offset + index * size).map { $0 & (isWide ? 0x7FFF : 0x7F) }
                }
            }
            offset += Int(count) * size
        }
        return []
    }
}
