internal import Digests
internal import JobModel
internal import Settings

/// An object of an event, with the names that rules and jobs have for it.
struct EventObject: Sendable {
    let event: BucketEvent
    let key: ByteText
    /// The last part of the key.
    let file: [UInt8]
    /// Told by the ending.
    let format: MediaFormat?

    init(_ event: BucketEvent, _ key: ByteText) {
        self.event = event
        self.key = key
        file = Array(event.key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).last ?? [])
        // An ending that is longer is none of a medium's, and `String` would take its time for it.
        let ending = Self.ending(file)
        format = ending.count <= 8 ? MediaFormat(fileName: "x." + String(decoding: ending, as: UTF8.self)) : nil
    }

    /// The same for every delivery of an event, and another one for every other event.
    var jobID: ByteText { ByteText("s3-" + digest(event.creation).prefix(40)) }

    /// The same for every event of a key, so that a new version replaces the outputs of the one before.
    private var hash: String { String(digest([]).prefix(12)) }

    private func digest(_ rest: [UInt8]) -> String {
        let start = "\(event.bucket.count):\(event.bucket)/\(event.key.count):"
        return Hexadecimal.text(SHA256.digest(of: Array(start.utf8) + event.key + rest))
    }

    var standardMediaID: [UInt8] { slug + Array("-\(hash)".utf8) }

    /// A placeholder's value; nil when the key has no such part.
    func value(_ placeholder: EventTemplate.Placeholder) -> [UInt8]? {
        switch placeholder {
        case .bucket: return Array(event.bucket.utf8)
        case .key: return event.key
        case .file: return file
        case .name: return Self.stem(file)
        case .fileExtension: return Self.ending(file)
        case .slug: return slug
        case .hash: return Array(hash.utf8)
        case .part(let number):
            let parts = event.key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            return parts.indices.contains(number - 1) && !parts[number - 1].isEmpty ? Array(parts[number - 1]) : nil
        }
    }

    private var slug: [UInt8] {
        let dash = UInt8(ascii: "-")
        let plain = Self.stem(file).map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                byte
            default: dash
            }
        }
        let words = plain.split(separator: dash).joined(separator: [dash])
        let text = Array(words.prefix(64))
        return text.isEmpty ? Array("media".utf8) : text
    }

    private static func dot(_ file: [UInt8]) -> Int? {
        // A name that begins with a dot has no ending there.
        file.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > file.startIndex ? $0 : nil }
    }

    private static func stem(_ file: [UInt8]) -> [UInt8] { dot(file).map { Array(file[..<$0]) } ?? file }

    private static func ending(_ file: [UInt8]) -> [UInt8] { dot(file).map { Array(file[($0 + 1)...]) } ?? [] }
}
