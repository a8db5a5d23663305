/// Camera raw files with the parts that readers look at: directories, a sensor's values, and JPEGs.
struct RawFixture {
    /// Sides of the sensor's picture.
    var width = 640
    var height = 480
    /// The largest JPEG in the file; none where it is empty.
    var jpeg: [UInt8] = []
    var orientation = 1
    /// The text of the field `Make`.
    var make = "NIKON CORPORATION"
    var isDNG = false
    /// The first eight bytes, if they are not those of a TIFF; the directory's offset is in the last four.
    var mark: [UInt8] = [0x49, 0x49, 42, 0]

    private func little(_ value: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }

    private func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: Int) -> [UInt8] {
        little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4)
    }

    private func directory(_ entries: [[UInt8]]) -> [UInt8] {
        little(entries.count, 2) + entries.flatMap { $0 } + little(0, 4)
    }

    /// Built like NEF, ARW and DNG: a preview of 16×12 pixels in front, the sensor's values in a second directory.
    var bytes: [UInt8] {
        let text = Array(make.utf8) + [0]
        let mainCount = isDNG ? 13 : 12
        let (start, mainSize, subSize) = (16, 2 + mainCount * 12 + 4, 2 + 10 * 12 + 4)
        let textAt = start + mainSize
        let subAt = textAt + text.count + text.count % 2
        let previewAt = subAt + subSize
        let preview = [UInt8](repeating: 90, count: 16 * 12)
        let sensorAt = previewAt + preview.count
        let sensor = (0..<width * height).flatMap { little($0 % 4_096, 2) }
        var main = [
            entry(254, 4, 1, 1), entry(256, 4, 1, 16), entry(257, 4, 1, 12), entry(258, 3, 1, 8), entry(259, 3, 1, 1),
            entry(262, 3, 1, 1), entry(271, 2, text.count, textAt), entry(273, 4, 1, previewAt),
            entry(274, 3, 1, orientation), entry(278, 4, 1, 12), entry(279, 4, 1, preview.count),
            entry(330, 4, 1, subAt),
        ]
        if isDNG { main.append(entry(50_706, 1, 4, 0x401)) }
        let sub = [
            entry(254, 4, 1, 0), entry(256, 4, 1, width), entry(257, 4, 1, height), entry(258, 3, 1, 16),
            entry(259, 3, 1, 1), entry(262, 3, 1, 32_803), entry(273, 4, 1, sensorAt), entry(277, 3, 1, 1),
            entry(278, 4, 1, height), entry(279, 4, 1, sensor.count),
        ]
        return mark + little(start, 4) + [UInt8](repeating: 0, count: 8) + directory(main) + text
            + [UInt8](repeating: 0, count: text.count % 2) + directory(sub) + preview + sensor + jpeg
    }

    /// Fujifilm's: a header of its own, and a table that has the sides of the picture.
    var raf: [UInt8] {
        func big(_ value: Int, _ bytes: Int) -> [UInt8] { little(value, bytes).reversed() }
        var head = Array("FUJIFILMCCD-RAW 0201FF383501X-T3".utf8)
        head += [UInt8](repeating: 0, count: 84 - head.count)
        head += big(128, 4) + big(jpeg.count, 4) + big(128 + jpeg.count, 4) + big(16, 4)
        head += [UInt8](repeating: 0, count: 128 - head.count)
        return head + jpeg + big(1, 4) + big(0x100, 2) + big(4, 2) + big(height, 2) + big(width, 2)
            + [UInt8](repeating: 0x55, count: 9_000)
    }

    /// Canon's third: an ISO base media file with a track `CRAW`.
    var cr3: [UInt8] {
        func big(_ value: Int, _ bytes: Int) -> [UInt8] { little(value, bytes).reversed() }
        func box(_ kind: String, _ body: [UInt8]) -> [UInt8] { big(body.count + 8, 4) + Array(kind.utf8) + body }
        let sample =
            [UInt8](repeating: 0, count: 24) + big(width, 2) + big(height, 2) + [UInt8](repeating: 0, count: 50)
        let fields = [0x49, 0x49, 42, 0] + little(8, 4) + directory([entry(274, 3, 1, orientation)])
        return box("ftyp", Array("crx \0\0\0\u{1}crx isom".utf8))
            + box("moov", box("CMT1", fields) + box("CRAW", sample)) + box("mdat", jpeg)
    }
}
