/// HEIF files of coded pictures (ISO/IEC 23008-12), with just the boxes that a test wants.
enum HEIFFixture {
    /// The configuration box and the data of the one picture of an MP4 file that FFmpeg wrote.
    struct Coded {
        var configuration: [UInt8]
        var data: [UInt8]
        var kind: String
        var width: Int
        var height: Int

        init(mp4: [UInt8], width: Int, height: Int) throws {
            (self.width, self.height) = (width, height)
            let name = HEIFFixture.place(of: "hvcC", in: mp4) != nil ? "hvcC" : "av1C"
            kind = name == "hvcC" ? "hvc1" : "av01"
            guard let box = HEIFFixture.place(of: name, in: mp4), let mdat = HEIFFixture.place(of: "mdat", in: mp4)
            else {
                throw NothingThrown()
            }
            configuration = HEIFFixture.box(mp4, named: box)
            data = Array(HEIFFixture.box(mp4, named: mdat).dropFirst(8))
        }
    }

    fileprivate static func place(of name: String, in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: name.utf8) }
    }

    fileprivate static func box(_ bytes: [UInt8], named at: Int) -> [UInt8] {
        let size = bytes[at - 4..<at].reduce(0) { $0 << 8 | Int($1) }
        return Array(bytes[at - 4..<at - 4 + size])
    }

    private static func number(_ value: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private static func plain(_ kind: String, _ body: [UInt8]) -> [UInt8] {
        number(body.count + 8, 4) + Array(kind.utf8) + body
    }

    private static func full(_ kind: String, version: Int = 0, flags: Int = 0, _ body: [UInt8]) -> [UInt8] {
        plain(kind, number(version << 24 | flags, 4) + body)
    }

    private struct Item {
        var id: Int
        var kind: String
        var data: [UInt8]
        var properties: [Int]
        var isHidden = false
    }

    /// A picture without a `colr` box: its colours stand in the codec's header alone.
    static func file(_ picture: Coded) -> [UInt8] {
        let properties = [picture.configuration, size(picture)]
        return file([Item(id: 1, kind: picture.kind, data: picture.data, properties: [1, 2])], properties, [])
    }

    /// A photo of iOS 18: beside the picture a gain map, an item `tmap` of both, and EXIF for both pictures.
    static func photoOfIOS18(_ picture: Coded, gainMap: Coded) -> [UInt8] {
        let depth = full("pixi", [3, 8, 8, 8])
        let auxiliary = full("auxC", Array("urn:com:apple:photo:2020:aux:hdrgainmap\0".utf8))
        let properties = [picture.configuration, size(picture), depth, gainMap.configuration, size(gainMap), auxiliary]
        let exif = number(6, 4) + Array("Exif\0\0".utf8) + Fixtures.exif(orientation: 6)
        let items = [
            Item(id: 1, kind: picture.kind, data: picture.data, properties: [1, 2, 3]),
            Item(id: 2, kind: gainMap.kind, data: gainMap.data, properties: [4, 5, 3, 6], isHidden: true),
            Item(id: 3, kind: "tmap", data: [UInt8](repeating: 0, count: 62), properties: [2, 3]),
            Item(id: 50, kind: "Exif", data: exif, properties: [], isHidden: true),
        ]
        return file(items, properties, [("auxl", 2, [1, 3]), ("dimg", 3, [1, 2]), ("cdsc", 50, [1, 3])])
    }

    private static func size(_ picture: Coded) -> [UInt8] {
        full("ispe", number(picture.width, 4) + number(picture.height, 4))
    }

    private static func file(
        _ items: [Item],
        _ properties: [[UInt8]],
        _ references: [(kind: String, from: Int, to: [Int])]
    ) -> [UInt8] {
        let brand = items.first?.kind == "av01" ? "avif" : "heic"
        let isToneMapped = items.contains { $0.kind == "tmap" }
        let ftyp = plain("ftyp", Array((brand + "\0\0\0\0mif1" + brand + (isToneMapped ? "tmap" : "MiHB")).utf8))
        func meta(_ offsets: [Int]) -> [UInt8] {
            let entries = items.flatMap { (item: Item) -> [UInt8] in
                full(
                    "infe",
                    version: 2,
                    flags: item.isHidden ? 1 : 0,
                    number(item.id, 2) + [0, 0] + item.kind.utf8 + [0]
                )
            }
            let links = references.flatMap { link -> [UInt8] in
                plain(link.kind, number(link.from, 2) + number(link.to.count, 2) + link.to.flatMap { number($0, 2) })
            }
            let owners = items.filter { !$0.properties.isEmpty }
            let associations = owners.flatMap { (item: Item) -> [UInt8] in
                number(item.id, 2) + [UInt8(item.properties.count)] + item.properties.map { UInt8($0) }
            }
            let places = zip(items, offsets).flatMap { (item: Item, offset: Int) -> [UInt8] in
                number(item.id, 2) + [0, 0, 0, 1] + number(offset, 4) + number(item.data.count, 4)
            }
            let container = plain("ipco", properties.flatMap { $0 })
            var body = full("hdlr", [0, 0, 0, 0] + Array("pict".utf8) + [UInt8](repeating: 0, count: 13))
            body += full("pitm", number(1, 2))
            body += full("iloc", [0x44, 0] + number(items.count, 2) + places)
            body += full("iinf", number(items.count, 2) + entries)
            if !links.isEmpty { body += full("iref", links) }
            body += plain("iprp", container + full("ipma", number(owners.count, 4) + associations))
            return full("meta", body)
        }
        var offset = ftyp.count + meta(items.map { _ in 0 }).count + 8
        let offsets = items.map { item -> Int in
            defer { offset += item.data.count }
            return offset
        }
        return ftyp + meta(offsets) + plain("mdat", items.flatMap(\.data))
    }
}
