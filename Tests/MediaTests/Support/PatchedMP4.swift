import Foundation

/// A box of an MP4 file: either bytes or, for plain containers, boxes. For bending files that no muxer would write.
final class PatchedBox {
    private static let containers: Set<String> = [
        "moov", "trak", "mdia", "minf", "stbl", "edts", "dinf", "udta", "mvex",
    ]

    let kind: String
    var data: [UInt8]
    var children: [PatchedBox]?

    init(kind: String, data: [UInt8], children: [PatchedBox]? = nil) {
        (self.kind, self.data, self.children) = (kind, data, children)
    }

    static func parse(_ bytes: ArraySlice<UInt8>) -> [PatchedBox] {
        var boxes: [PatchedBox] = []
        var at = bytes.startIndex
        while at + 8 <= bytes.endIndex {
            let size = max(8, number(bytes[at..<at + 4]))
            let kind = String(decoding: bytes[at + 4..<at + 8], as: UTF8.self)
            let body = bytes[at + 8..<min(at + size, bytes.endIndex)]
            let isContainer = containers.contains(kind)
            boxes.append(PatchedBox(kind: kind, data: Array(body), children: isContainer ? parse(body) : nil))
            at += size
        }
        return boxes
    }

    var packed: [UInt8] {
        let body = children.map { $0.flatMap(\.packed) } ?? data
        return Self.bytes(body.count + 8) + Array(kind.utf8) + body
    }

    subscript(path: String...) -> PatchedBox {
        path.reduce(self) { box, kind in
            box.children?.first { $0.kind == kind } ?? PatchedBox(kind: kind, data: [])
        }
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
    static func bytes(_ number: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }
}

/// An MP4 file whose index stands at its end, so that the index may grow.
struct PatchedMP4 {
    var boxes: [PatchedBox]

    init(_ path: String) throws {
        boxes = PatchedBox.parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))[...])
    }

    var data: Data { Data(boxes.flatMap(\.packed)) }

    /// The tracks of a kind: `vide` or `soun`.
    func tracks(_ handler: String) -> [PatchedBox] {
        let moov = boxes.first { $0.kind == "moov" }
        return moov?.children?.filter {
            $0.kind == "trak" && $0["mdia", "hdlr"].data.dropFirst(8).prefix(4).elementsEqual(handler.utf8)
        } ?? []
    }

    /// Appends boxes to the sample entry of the first picture track.
    func appendToSampleEntry(_ boxes: [PatchedBox]) {
        let description = tracks("vide")[0]["mdia", "minf", "stbl", "stsd"]
        let size = PatchedBox.number(description.data[8..<12])
        let extra = boxes.flatMap(\.packed)
        description.data.insert(contentsOf: extra, at: 8 + size)
        description.data.replaceSubrange(8..<12, with: PatchedBox.bytes(size + extra.count))
    }

    /// A Dolby Vision record.
    static func dolbyVision(profile: Int, compatibility: Int) -> PatchedBox {
        let bits = profile << 9 | 4 << 3 | 1 << 2 | 1
        let body =
            [1, 0, UInt8(bits >> 8), UInt8(bits & 0xFF), UInt8(compatibility << 4)] + [UInt8](repeating: 0, count: 19)
        return PatchedBox(kind: profile > 7 ? "dvvC" : "dvcC", data: body)
    }

    /// Renames the sample entry of a track, so that no decoder knows it.
    func rename(_ handler: String, _ index: Int, to name: String) {
        let description = tracks(handler)[index]["mdia", "minf", "stbl", "stsd"]
        description.data.replaceSubrange(12..<16, with: name.utf8)
        if let place = Data(description.data).range(of: Data("esds".utf8)) {
            description.data.replaceSubrange(place, with: "dapa".utf8)
        }
    }

    /// Takes all samples from a track.
    func empty(_ handler: String) {
        let track = tracks(handler)[0]
        let table = track["mdia", "minf", "stbl"]
        for box in table.children ?? [] {
            if ["stts", "stsc", "stco", "ctts", "stss"].contains(box.kind) {
                box.data = box.data.prefix(4) + [0, 0, 0, 0]
            } else if box.kind == "stsz" {
                box.data = [UInt8](repeating: 0, count: 12)
            }
        }
        table.children?.removeAll { $0.kind == "sgpd" || $0.kind == "sbgp" }
        track.children?.removeAll { $0.kind == "edts" }
        track["mdia", "mdhd"].data.replaceSubrange(16..<20, with: [0, 0, 0, 0])
    }

    /// Changes the durations of a track's samples, in seconds, and takes its edit list away.
    ///
    /// - Parameter isStated: whether the header tells the new duration.
    func retime(_ handler: String, isStated: Bool = false, _ change: (inout [Double]) -> Void) {
        let track = tracks(handler)[0]
        let header = track["mdia", "mdhd"]
        let scale = PatchedBox.number(header.data[12..<16])
        let times = track["mdia", "minf", "stbl", "stts"]
        var seconds: [Double] = []
        for run in 0..<PatchedBox.number(times.data[4..<8]) {
            let at = 8 + 8 * run
            let delta = PatchedBox.number(times.data[at + 4..<at + 8])
            let count = PatchedBox.number(times.data[at..<at + 4])
            seconds += [Double](repeating: Double(delta) / Double(scale), count: count)
        }
        change(&seconds)
        let deltas = seconds.map { min(Int(($0 * Double(scale)).rounded()), 0x7FFF_FFFF) }
        times.data =
            times.data.prefix(4) + PatchedBox.bytes(deltas.count)
            + deltas.flatMap { PatchedBox.bytes(1) + PatchedBox.bytes($0) }
        if isStated { header.data.replaceSubrange(16..<20, with: PatchedBox.bytes(deltas.reduce(0, +))) }
        track.children?.removeAll { $0.kind == "edts" }
    }
}
