import Foundation

/// The facts that `ffprobe` and the bytes give about a file.
struct Inspection: Decodable {
    struct Stream: Decodable {
        struct SideData: Decodable {
            var sideDataType: String?
            var rotation: Int?
        }

        var codecName: String?
        var codecTagString: String?
        var codecType: String
        var profile: String?
        var width: Int?
        var height: Int?
        var pixFmt: String?
        var colorRange: String?
        var colorSpace: String?
        var colorTransfer: String?
        var colorPrimaries: String?
        var sampleAspectRatio: String?
        var sampleRate: String?
        var channels: Int?
        var duration: String?
        var startTime: String?
        var nbFrames: String?
        var sideDataList: [SideData]?
    }

    struct Format: Decodable {
        var duration: String?
    }

    struct Packets: Decodable {
        struct Packet: Decodable {
            var ptsTime: String?
            var flags: String
        }

        var packets: [Packet]
    }

    var streams: [Stream]
    var format: Format

    var video: Stream? { streams.first { $0.codecType == "video" } }
    var audio: Stream? { streams.first { $0.codecType == "audio" } }
    var durationSeconds: Double { format.duration.flatMap(Double.init) ?? 0 }

    private static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    static func of(_ path: String) async throws -> Inspection {
        let arguments = ["-v", "error", "-show_streams", "-show_format", "-of", "json", path]
        return try decoder.decode(Inspection.self, from: await Tool.run("ffprobe", arguments))
    }

    /// The kinds of side data of the first picture stream.
    static func sideData(_ path: String) async throws -> [String] {
        try await of(path).video?.sideDataList?.compactMap(\.sideDataType) ?? []
    }

    /// Presentation times of all pictures, sorted, and of those that are keyframes.
    static func pictureTimes(_ path: String) async throws -> (all: [Double], keyframes: [Double]) {
        let arguments = [
            "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts_time,flags", "-of", "json", path,
        ]
        let packets = try decoder.decode(Packets.self, from: await Tool.run("ffprobe", arguments)).packets
        let times = packets.compactMap { packet in
            packet.ptsTime.flatMap(Double.init).map { (time: $0, isKey: packet.flags.hasPrefix("K")) }
        }
        return (times.map(\.time).sorted(), times.filter(\.isKey).map(\.time).sorted())
    }

    /// The types of a MP4 file's outermost boxes, in order.
    static func boxes(_ path: String) throws -> [String] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        var boxes: [String] = []
        var position = 0
        while position + 8 <= bytes.count {
            let size = bytes[position..<position + 4].reduce(0) { (size: Int, byte: UInt8) in size << 8 | Int(byte) }
            boxes.append(String(decoding: bytes[position + 4..<position + 8], as: UTF8.self))
            guard size >= 8 else { break }
            position += size
        }
        return boxes
    }

    /// The colour in the middle of each quarter of a picture at a time: top left, top right, bottom left, bottom right.
    static func quarters(_ path: String, atSeconds time: Double = 0) async throws -> [RGB] {
        // Averaging over a quarter makes the answer independent of size and compression.
        let raw = try await Tool.run(
            "ffmpeg",
            [
                "-loglevel", "error", "-noautorotate",
            ] + (time > 0 ? ["-ss", "\(time)"] : []) + [
                "-i", path, "-frames:v", "1",
                "-vf", "format=rgb24,scale=2:2:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-",
            ]
        )
        let bytes = raw.map(Int.init)
        // A seek in a picture gives nothing, and nothing would fulfil all that is asked of each quarter.
        guard bytes.count == 12 else { throw ToolFailure(description: "\(path) has no picture at \(time) s") }
        return (0..<bytes.count / 3).map { index -> RGB in
            let first = index * 3
            return RGB(red: bytes[first], green: bytes[first + 1], blue: bytes[first + 2])
        }
    }
}

struct RGB: Equatable, CustomStringConvertible {
    var red: Int
    var green: Int
    var blue: Int

    var description: String { "(\(red),\(green),\(blue))" }

    func isNear(_ other: RGB, within tolerance: Int = 30) -> Bool {
        abs(red - other.red) <= tolerance && abs(green - other.green) <= tolerance
            && abs(blue - other.blue) <= tolerance
    }

    static let red = RGB(red: 255, green: 0, blue: 0)
    static let green = RGB(red: 0, green: 255, blue: 0)
    static let blue = RGB(red: 0, green: 0, blue: 255)
    static let black = RGB(red: 0, green: 0, blue: 0)
    static let white = RGB(red: 255, green: 255, blue: 255)
}
