import Foundation
import TestSupport

/// Media made on the spot.
enum Samples {
    /// Two seconds with sound, 30 frames a second.
    static func video(_ path: String, size: String = "1280x720", seconds: Int = 2) async throws {
        try await ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=30:duration=\(seconds)", "-f", "lavfi", "-i",
            "sine=frequency=440:duration=\(seconds)", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-shortest", path,
        ])
    }

    static func photo(_ path: String, size: String = "1600x1200") async throws {
        try await ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=\(size)", "-frames:v", "1", "-q:v", "3", path])
    }

    static func soundOnly(_ path: String) async throws {
        try await ffmpeg(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", path])
    }

    static func ffmpeg(_ arguments: [String]) async throws {
        try await ChildProcess.run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"] + arguments)
    }

    struct Stream: Decodable {
        var codecType: String
        var codecName: String
        var width: Int?
        var height: Int?
        var pixFmt: String?
    }

    struct Probe: Decodable {
        struct Format: Decodable {
            var duration: String?
        }

        var streams: [Stream]
        var format: Format
    }

    static func probe(_ path: String) async throws -> Probe {
        let text = try await ChildProcess.run(
            "ffprobe",
            ["-v", "error", "-show_streams", "-show_format", "-of", "json", path]
        )
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Probe.self, from: Data(text.utf8))
    }
}
