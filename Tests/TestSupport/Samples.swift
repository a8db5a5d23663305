import Foundation

/// Media made on the spot.
package enum Samples {
    /// Two seconds with sound, 30 frames a second.
    package static func video(_ path: String, size: String = "1280x720", seconds: Int = 2) async throws {
        try await ffmpeg([
            "-f", "lavfi", "-i", "testsrc2=size=\(size):rate=30:duration=\(seconds)", "-f", "lavfi", "-i",
            "sine=frequency=440:duration=\(seconds)", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-shortest", path,
        ])
    }

    /// As ``video(_:size:seconds:)``, over and over: long to work on, and made in a moment.
    package static func longVideo(_ path: String, size: String, seconds: Int, times: Int) async throws {
        let once = path + ".once.mp4"
        try await video(once, size: size, seconds: seconds)
        try await ffmpeg(["-stream_loop", "\(times - 1)", "-i", once, "-c", "copy", path])
        try FileManager.default.removeItem(atPath: once)
    }

    /// A picture with bytes after its end, which decoders leave alone. They take no space here.
    package static func paddedPhoto(_ path: String, bytes: Int64) async throws {
        try await photo(path, size: "320x240")
        if truncate(path, off_t(bytes)) != 0 { throw TestTree.Failure(description: "truncate: errno \(errno)") }
    }

    /// An uncompressed picture of 2.7 MB, as scanners and editors write them.
    package static func rawPicture(_ path: String) async throws {
        try await ffmpeg([
            "-f", "lavfi", "-i", "testsrc=size=1280x720", "-frames:v", "1", "-compression_algo", "raw", path,
        ])
    }

    package static func photo(_ path: String, size: String = "1600x1200") async throws {
        try await ffmpeg(["-f", "lavfi", "-i", "testsrc2=size=\(size)", "-frames:v", "1", "-q:v", "3", path])
    }

    package static func soundOnly(_ path: String) async throws {
        try await ffmpeg(["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", path])
    }

    package static func ffmpeg(_ arguments: [String]) async throws {
        try await ChildProcess.run("ffmpeg", ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"] + arguments)
    }

    package struct Stream: Decodable {
        package var codecType: String
        package var codecName: String
        package var width: Int?
        package var height: Int?
        package var pixFmt: String?
    }

    package struct Probe: Decodable {
        package struct Format: Decodable {
            package var duration: String?
        }

        package var streams: [Stream]
        package var format: Format
    }

    package static func probe(_ path: String) async throws -> Probe {
        let text = try await ChildProcess.run(
            "ffprobe",
            ["-v", "error", "-show_streams", "-show_format", "-of", "json", path]
        )
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Probe.self, from: Data(text.utf8))
    }
}
