/// The containers that are opened at all. This is a list of allowed ones, because some of libav's demuxers open further
/// files or hosts that the content names (playlists, image sequences, scripts), and new ones may come.
enum Containers {
    /// Names of libav's demuxers. All of them read the one file they are given; sound-only ones are here so that the
    /// answer is "no video stream".
    static let allowed: [String] = [
        "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "flv", "live_flv", "mpegts", "mpeg",
        "mpegvideo", "m4v", "h261", "h263", "h264", "hevc", "av1", "obu", "ivf", "vc1", "vc1test", "asf", "ogg", "mxf",
        "nut", "wtv", "dv", "rm", "dhav", "yuv4mpegpipe", "gif",
        "mp3", "wav", "flac", "aac", "ac3", "eac3", "aiff", "amr", "caf", "dts", "w64", "au",
    ]

    private static let allowedNames = Set(allowed)

    /// - Parameter name: the demuxer's name, which may be several with commas between.
    static func isAllowed(_ name: String) -> Bool {
        name.split(separator: ",").contains { allowedNames.contains(String($0)) }
    }

    /// libav reads pictures through demuxers of these names.
    static func isStillImage(_ name: String) -> Bool {
        name.hasSuffix("_pipe") || name.hasPrefix("image2")
    }

    static func mimeType(container: String, brand: String?) -> String {
        switch container {
        case "mov,mp4,m4a,3gp,3g2,mj2":
            if let brand, brand.hasPrefix("qt") { return "video/quicktime" }
            if let brand, brand.hasPrefix("3g") { return "video/3gpp" }
            return "video/mp4"
        case "matroska,webm": return "video/x-matroska"
        case "avi": return "video/x-msvideo"
        case "flv", "live_flv": return "video/x-flv"
        case "mpegts": return "video/mp2t"
        case "mpeg", "mpegvideo": return "video/mpeg"
        case "asf": return "video/x-ms-wmv"
        case "ogg": return "video/ogg"
        case "mxf": return "application/mxf"
        case "h264": return "video/h264"
        case "hevc": return "video/h265"
        case "gif": return "image/gif"
        default: return "application/octet-stream"
        }
    }
}
