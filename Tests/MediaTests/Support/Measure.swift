import Foundation

/// Numbers that ffmpeg's filters give about pictures and sound.
enum Measure {
    /// Structural similarity of two videos, 0 to 1.
    static func similarity(_ one: String, _ other: String) async throws -> Double {
        let text = try await output(["-i", one, "-i", other, "-lavfi", "[0:v][1:v]ssim=stats_file=-", "-an"])
        let values = text.split(separator: "\n").compactMap { line in
            line.range(of: "All:").flatMap { Double(line[$0.upperBound...].prefix { $0 != " " }) }
        }
        guard !values.isEmpty else { throw ToolFailure(description: "no similarity: \(text)") }
        return values.reduce(0, +) / Double(values.count)
    }

    /// The share of frames that look woven of two fields.
    static func combedShare(_ path: String) async throws -> Double {
        let filter = "idet,metadata=print:key=lavfi.idet.single.current_frame:file=-"
        let text = try await output(["-i", path, "-vf", filter, "-an"])
        let kinds = text.split(separator: "\n").compactMap { line in
            line.range(of: "current_frame=").map { String(line[$0.upperBound...]) }
        }
        guard !kinds.isEmpty else { throw ToolFailure(description: "no frames: \(text)") }
        return Double(kinds.count { $0 == "tff" || $0 == "bff" }) / Double(kinds.count)
    }

    /// The level of the sound as a whole, in dB of full scale.
    static func loudness(_ path: String) async throws -> Double {
        let filter = "astats=measure_perchannel=none,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-"
        let text = try await output(["-i", path, "-vn", "-af", "astats=metadata=1,\(filter.split(separator: ",")[1])"])
        let levels = text.split(separator: "\n").compactMap { line in
            line.range(of: "RMS_level=").flatMap { Double(line[$0.upperBound...]) }
        }
        return levels.last ?? -.infinity
    }

    /// When the last beep begins, in seconds.
    static func lastOnset(_ path: String) async throws -> Double {
        let filter =
            "asetnsamples=240,astats=metadata=1:reset=1,ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-"
        let text = try await output(["-i", path, "-vn", "-af", filter])
        var (time, onset, isLoud) = (0.0, -1.0, false)
        for line in text.split(separator: "\n") {
            if let range = line.range(of: "pts_time:") { time = Double(line[range.upperBound...]) ?? 0 }
            guard let range = line.range(of: "RMS_level=") else { continue }
            let isLoudNow = (Double(line[range.upperBound...]) ?? -100) > -20
            if isLoudNow, !isLoud { onset = time }
            isLoud = isLoudNow
        }
        return onset
    }

    private static func output(_ arguments: [String]) async throws -> String {
        let data = try await Tool.run("ffmpeg", ["-loglevel", "error"] + arguments + ["-f", "null", "/dev/null"])
        return String(decoding: data, as: UTF8.self)
    }
}
