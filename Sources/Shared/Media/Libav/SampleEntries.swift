import CFFmpeg
import Glibc

/// The codecs that an MP4 file names in its sample entries. libav replaces the names of encrypted ones by those of what
/// is inside, so it cannot be asked.
enum SampleEntries {
    /// Common Encryption (ISO 23001-7) and FairPlay.
    static let protected: Set<String> = ["encv", "enca", "drmi", "drms", "p608"]

    /// Boxes beyond this many are not looked at.
    private static let maximumBoxes = 4_096
    /// Containers within each other: the five of ``MP4Box/leadsToSampleTable``.
    private static let maximumDepth = 5

    /// The names that are protected. The file is read from its beginning afterwards.
    static func protectedNames(in file: InputFile) throws(MediaError) -> [String] {
        var names: Set<String> = []
        var rest = maximumBoxes
        walk(file, 0..<file.sizeBytes, maximumDepth, &names, &rest)
        try file.checkpoint()
        _ = try file.rewound()
        return names.intersection(protected).sorted()
    }

    /// - Parameter depth: of containers that may follow within each other.
    private static func walk(
        _ file: InputFile,
        _ range: Range<Int64>,
        _ depth: Int,
        _ names: inout Set<String>,
        _ rest: inout Int
    ) {
        var position = range.lowerBound
        while position + 8 <= range.upperBound, rest > 0 {
            rest -= 1
            let header = bytes(of: file, at: position, count: Int(min(16, range.upperBound - position)))
            guard let box = MP4Box(header[...], limit: range.upperBound - position) else { return }
            let body = position + Int64(box.headerBytes)..<position + box.size
            if depth > 0, box.leadsToSampleTable {
                walk(file, body, depth - 1, &names, &rest)
            } else if box.type == "stsd" {
                // Version, flags and the number of entries come first.
                entries(file, min(body.lowerBound + 8, body.upperBound)..<body.upperBound, &names, &rest)
            }
            position += box.size
        }
    }

    private static func entries(_ file: InputFile, _ range: Range<Int64>, _ names: inout Set<String>, _ rest: inout Int)
    {
        var position = range.lowerBound
        while position + 8 <= range.upperBound, rest > 0 {
            rest -= 1
            let header = bytes(of: file, at: position, count: Int(min(16, range.upperBound - position)))
            guard let entry = MP4Box(header[...], limit: range.upperBound - position) else { return }
            names.insert(entry.type)
            position += entry.size
        }
    }

    /// Fewer where the file ends.
    private static func bytes(of file: InputFile, at position: Int64, count: Int) -> [UInt8] {
        guard avio_seek(file.pointer, position, SEEK_SET) == position else { return [] }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = avio_read(file.pointer, &bytes, Int32(count))
        return Array(bytes.prefix(Int(max(read, 0))))
    }
}
